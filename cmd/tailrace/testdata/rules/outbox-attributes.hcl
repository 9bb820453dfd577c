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
  }
}
