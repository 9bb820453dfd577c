pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { id = row.id, /* ERROR "id is defined twice in this object" */ id = row.total }
    }
  }
}
