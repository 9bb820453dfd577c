pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "update" && upper(/* ERROR "row\\.status may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.status) == "PAID"
      data  = { n = length(row.doc) }
    }
  }
}
