pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      key   = /* ERROR "public\\.orders has no column total-id" */ row.total-id
      data  = 1
    }
  }
}
