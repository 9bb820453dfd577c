pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    changes {
      /* ERROR "the source publishes no table \"public.odrers\": Did you mean \"public.orders\"" */ tables = ["public.odrers"]
      /* ERROR "the source publishes no table \"public.x\"" */ except = ["public.x"]
    }
  }
}
