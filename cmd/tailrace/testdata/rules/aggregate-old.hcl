pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    aggregate "P" {
      table = "public.orders"
      when  = op == "update" && /* ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL" */ old.status != "paid"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : l.sku] }
    }
  }
}
