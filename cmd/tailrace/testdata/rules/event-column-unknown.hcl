pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      key   = row.idd                 # ERROR "idd.*Did you mean \"row.id\""
      data  = { total = row.totl }    # ERROR "totl.*Did you mean \"row.total\""
    }
  }
}
