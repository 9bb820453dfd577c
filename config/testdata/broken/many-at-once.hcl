daemon {
  listen = /* ERROR "listen is not a text" */ {}
}
locals {
  a = /* ERROR "there is no local.b" */ local.b
}
/* ERROR "no block \"conection\" in a file: Did you mean \"connection\"" */ conection "kafka" "main" {}
pipeline "p" {
  window = /* ERROR "window is not a size" */ "64 MEGS"
  source "postgres" {
    url       = "postgres://h/db"
    tables    = ["public.t"]
    heartbeat = /* ERROR "heartbeat is not a duration" */ "soon"
    slot      = local.a
    /* ERROR "\"snapshot\" is a block" */ snapshot = "never"
  }
  sink "kafka" "k" {
    connection = /* ERROR "no connection \"main\" of type \"kafka\"" */ "main"
    topic      = "${/* ERROR "Did you mean \"table.name\"" */ table.nam}"
  }
}
