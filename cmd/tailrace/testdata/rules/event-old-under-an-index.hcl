pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders_status"
      when  = op == "update" && old.status != "paid" && /* ERROR "old\\.total is not known in an update.*REPLICA IDENTITY FULL" */ old.total > 1
      data  = 1
    }
  }
}
