pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when = (
        op == "update" && old.status != "paid" || # ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL"
        op == "delete" && row.status == "paid" || # ERROR "row\\.status is not known in a delete.*REPLICA IDENTITY FULL"
        op == "insert"
      )
      data = 1
    }
  }
}
