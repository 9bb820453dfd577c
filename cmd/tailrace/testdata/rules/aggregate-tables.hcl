pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    aggregate "P" {
      /* ERROR "\"public\\.\\*\" is not the name of one table" */ table = "public.*"
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
      /* ERROR "\"order_lines\" is not schema\\.table.*Write the schema as well, such as \"public" */ child "order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
  }
}
