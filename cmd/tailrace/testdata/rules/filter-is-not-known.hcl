pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    filter "public.orders" {
      when = row.status == "paid"    # ERROR "status"
    }
    /* ERROR "the source publishes no table \"public.order\"" */ filter "public.order" {
      when = op == "insert"
    }
  }
}
