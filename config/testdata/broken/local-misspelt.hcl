locals {
  region = "eu"
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "there is no local.regoin: Did you mean \"region\"" */ local.regoin
    publication = "${upper(/* ERROR "there is no local.x" */ local.x)}"
    heartbeat = try(/* ERROR "there is no local.beat" */ local.beat, "1s")
  }
  sink "stdout" "out" {}
}
