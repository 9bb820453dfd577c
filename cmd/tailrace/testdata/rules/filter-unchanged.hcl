pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    filter "public.orders" {
      when = op != "update" || length(/* ERROR "row\\.doc may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.doc) > 3
    }
  }
}
