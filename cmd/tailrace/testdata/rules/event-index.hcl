pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = /* ERROR "a number has no elements" */ row.id[0], b = /* ERROR "a text has no attributes" */ row.status.x }
    }
  }
}
