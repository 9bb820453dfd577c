pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "update"
      topic = "t.${/* ERROR "row\\.doc may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.doc}"
      subject = /* ERROR "row\\.doc may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.doc
      id    = /* ERROR "row\\.doc may be unknown in an update.*REPLICA IDENTITY FULL.*on_unchanged" */ row.doc
      data  = 1
      on_unchanged = "omit"
    }
  }
}
