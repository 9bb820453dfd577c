pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    filter "public.orders" {
      when = /* ERROR "this is neither true nor false" */ row.id
    }
    filter "public.orders_full" {
      when = row.total == /* ERROR "this compares a number with a text.*Write the number without quotes" */ "1"
    }
  }
}
