/* ERROR "view is not supported by this version" */ view "v" {}
/* ERROR "history is not supported by this version" */ history "h" {}
/* ERROR "event_store is not supported by this version" */ event_store "e" {}
/* ERROR "saga is not supported by this version" */ saga "s" {}
/* ERROR "shards is not supported by this version" */ shards {}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
