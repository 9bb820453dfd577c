pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op != "delete"
      data  = { doc = row.doc }           # ERROR "on_unchanged"
    }
    event "B" {
      table        = "public.orders"
      when         = op == "update"
      key          = row.doc              # ERROR "doc"
      data         = { doc = row.doc }
      on_unchanged = "omit"
    }
    event "C" {
      table   = "public.orders"
      when    = op == "update"
      headers = { doc = row.doc }         # ERROR "doc"
      data    = 1
    }
    event "D" {
      table = "public.orders"
      when  = op == "update" && row.doc == "a text that is longer than 15 bytes"    # ERROR "doc"
      data  = 1
    }
  }
}
