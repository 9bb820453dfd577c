pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "truncate"
      data  = /* ERROR "a truncate has no row" */ row.id
    }
  }
}
