pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "update" && try(/* ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL" */ old.status, "") != "paid"
      data  = { was = coalesce(old.total, 0) }
    }
  }
}
