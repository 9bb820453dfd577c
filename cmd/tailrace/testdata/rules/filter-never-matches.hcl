pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  filter "public.orders" {
    when = /* ERROR "filter \"public.orders\" never matches: .*no row passes" */ false
  }
  filter "public.order_*" {
    when = /* ERROR "filter \"public.order_\\*\" never matches" */ op == "insert" && op == "delete"
  }
  filter "public.customers" {
    when = op == "read"
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = /* ERROR "event \"A\" never matches" */ false
      data  = 1
    }
  }
}
