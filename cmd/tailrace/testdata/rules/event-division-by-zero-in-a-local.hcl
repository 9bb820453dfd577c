locals {
  zero = 3 - 3
}

pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = row.total / /* ERROR "division by zero" */ local.zero, b = row.id % /* ERROR "division by zero" */ 0 }
    }
  }
}
