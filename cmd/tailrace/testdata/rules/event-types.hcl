pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert" && row.id == "one"    # ERROR "."
      data  = 1
    }
    event "B" {
      table = "public.orders"
      when  = op == "insert" && row.status > 7     # ERROR "."
      data  = 1
    }
  }
}
