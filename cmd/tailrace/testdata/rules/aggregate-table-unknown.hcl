pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    aggregate "P" {
      /* ERROR "the source publishes no table \"public\\.order\".*Did you mean \"public\\.orders\"" */ table = "public.order"
      when  = op == "insert"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
    aggregate "Q" {
      table = "public.orders"
      when  = op == "insert"
      /* ERROR "the source publishes no table \"public\\.order_line\".*Did you mean \"public\\.order_lines\"" */ child "public.order_line" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
  }
}
