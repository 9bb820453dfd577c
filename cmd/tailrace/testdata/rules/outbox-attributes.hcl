pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    outbox {
      table = "public.outbox"
      /* ERROR "on_update is \"skip\"" */ on_update = "skip"
      /* ERROR "cleanup is \"vacuum\"" */ cleanup = "vacuum"
      data = row.payload
    }
    /* ERROR "data is missing" */ outbox {
      table = "public.outbox_two"
      key = row.id
    }
    outbox {
      table = "public.outbox_three"
      data  = { was = /* ERROR "\"old\" is not known here: An outbox makes events of inserted rows.*Use row" */ old.payload, is = row.payload }
      type  = /* ERROR "\"op\" is not known here: .*snapshot = false" */ op == "read" ? "copied" : row.type
      topic = "outbox.${/* ERROR "\"op\" is not known here" */ op}"
    }
  }
}
