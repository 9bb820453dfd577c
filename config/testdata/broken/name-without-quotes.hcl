locals {
  region = "eu"
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "\"orders\" is not known here: A string is written in double quotes" */ orders
    publication = /* ERROR "\"region\" is not known here: Did you mean \"local.region\"" */ region
    heartbeat = /* ERROR "\"locl\" is not known here: Did you mean \"local\"" */ locl.x
    password = /* ERROR "env is a function" */ env.PASSWORD
  }
  sink "stdout" "out" {}
}
