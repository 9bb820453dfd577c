pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "update"
      key   = /* ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL" */ old.status
      topic = "t.${/* ERROR "old\\.total is not known in an update.*REPLICA IDENTITY FULL" */ old.total}"
      headers = { was = /* ERROR "old\\.doc is not known in an update.*REPLICA IDENTITY FULL" */ old.doc }
      data  = { was = /* ERROR "old\\.status is not known in an update.*REPLICA IDENTITY FULL" */ old.status }
    }
  }
}
