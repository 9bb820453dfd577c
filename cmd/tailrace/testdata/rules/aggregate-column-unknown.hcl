pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    aggregate "P" {
      table = "public.orders"
      when  = op == "insert"
      child "public.order_lines" {
        as   = "lines"
        join = /* ERROR "table public\\.order_lines has no column \"order\"" */ child.order == row.id
      }
      key  = row.id
      data = { id = /* ERROR "public\\.orders has no column idd.*Did you mean \"row\\.id\"" */ row.idd, lines = [for l in lines : /* ERROR "public\\.order_lines has no column skuu.*Did you mean \"l\\.sku\"" */ l.skuu] }
    }
  }
}
