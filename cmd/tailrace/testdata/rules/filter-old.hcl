pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    filter "public.orders" {
      when = op != "update" || /* ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL" */ old.status == "paid"
    }
  }
}
