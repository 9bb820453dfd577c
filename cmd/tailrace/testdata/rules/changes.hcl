pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    changes {
      /* ERROR "the list has no table" */ tables = []
    }
    changes {
      /* ERROR "there is no attribute \"table\" in a changes: Did you mean \"tables\"" */ table = "public.orders"
    }
  }
}
