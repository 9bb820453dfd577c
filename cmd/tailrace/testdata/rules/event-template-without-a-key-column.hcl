pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      key   = "order-${/* ERROR "public\\.orders has no column order_no" */ row.order_no}"
      data  = 1
    }
  }
}
