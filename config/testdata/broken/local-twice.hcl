locals {
  a = 1
}
locals {
  /* ERROR "local.a is defined twice: First at .*local-twice.hcl:2" */ a = 2
  /* ERROR "\"b\" is not a block" */ b {}
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
