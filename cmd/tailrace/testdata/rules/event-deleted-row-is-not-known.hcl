pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      data  = { total = row.total }    # ERROR "total"
    }
    event "B" {
      table = "public.orders"
      when  = op == "delete" && row.id > 1
      key   = row.status               # ERROR "status"
      data  = row.id
    }
  }
}
