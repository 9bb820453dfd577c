pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = /* ERROR "event \"A\" never matches" */ op == "insert" && old.status == "paid"
      data  = 1
    }
    event "B" {
      table = "public.orders"
      when  = /* ERROR "event \"B\" never matches" */ false
      data  = 1
    }
  }
}
