pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "delete"
      topic = "t.${/* ERROR "row\\.status is not known in a delete.*REPLICA IDENTITY FULL" */ row.status}"
      headers = { total = /* ERROR "row\\.total is not known in a delete.*REPLICA IDENTITY FULL" */ row.total }
      id    = /* ERROR "row\\.doc is not known in a delete.*REPLICA IDENTITY FULL" */ row.doc
      data  = row.id
    }
  }
}
