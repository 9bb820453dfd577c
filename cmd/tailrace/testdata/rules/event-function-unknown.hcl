pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = /* ERROR "there is no function \"uper\".*Did you mean \"upper\"" */ uper("x"), b = /* ERROR "there is no function \"uuid\"" */ uuid() }
    }
    event "B" {
      table = "public.orders"
      when  = op == "insert" && /* ERROR "there is no function \"uper\".*Did you mean \"upper\"" */ uper(row.status) == "A"
      key   = "k-${/* ERROR "there is no function \"nonesuch\"" */ nonesuch(row.id, row.status)}"
      data  = 1
    }
  }
}
