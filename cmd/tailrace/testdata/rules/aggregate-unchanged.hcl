pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    aggregate "P" {
      table = "public.orders"
      when  = op == "update"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { doc = /* ERROR "row\\.doc may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.doc, lines = [for l in lines : /* ERROR "l\\.sku may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ l.sku] }
    }
  }
}
