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
        join = child.order_id == row.id
      }
      /* ERROR "limit is not more than 0" */ limit = "0"
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
    aggregate "Q" {
      table = "public.orders"
      when  = op == "insert"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      limit = "2MiB"
      /* ERROR "memory is less than the limit of one event" */ memory = "1MiB"
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
  }
}
