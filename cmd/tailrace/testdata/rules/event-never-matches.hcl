pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = /* ERROR "event \"A\" never matches" */ op == "insert" && old.id != null
      data  = 1
    }
    event "B" {
      table = "public.orders_full"
      when  = /* ERROR "event \"B\" never matches" */ op == "delete" && op == "update"
      data  = 1
    }
  }
}
