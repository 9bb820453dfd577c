pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = /* ERROR "event \"A\" never matches" */ row.id == 5.5 && op == "insert"
      data  = 1
    }
    event "B" {
      table = "public.orders"
      when  = /* ERROR "event \"B\" never matches" */ op == "insert" && row.status == "a" && row.status == "b"
      data  = 1
    }
  }
}
