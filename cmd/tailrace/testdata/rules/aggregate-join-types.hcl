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
        join = /* ERROR "text and int4 cannot be joined" */ child.sku == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
  }
}
