pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = ["public.orders", "public.orders_full", "public.orders_status"]
      when  = op == "update" && old.status != "paid" && row.status == "paid"    # ERROR "status.*public.orders .*REPLICA IDENTITY FULL"
      data  = 1
    }
  }
}
