pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    changes {
      /* ERROR "\"public\\.orders\" is named twice" */ tables = ["public.orders", "public.orders"]
      /* ERROR "\"orders\" is not schema\\.table.*Write the schema as well, such as \"public" */ except = ["orders"]
    }
  }
}
