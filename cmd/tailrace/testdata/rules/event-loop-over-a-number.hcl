pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = [for a in /* ERROR "for needs a list or an object" */ row.id : a]
    }
  }
}
