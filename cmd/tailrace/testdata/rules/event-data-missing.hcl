pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    /* ERROR "data is missing" */ event "Paid" {
      table = "public.orders"
    }
  }
}
