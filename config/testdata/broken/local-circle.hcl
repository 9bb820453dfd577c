locals {
  /* ERROR "local.a needs itself: local.a needs local.b needs local.a" */ a = local.b
  b = "${local.a}x"
  c = local.b
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = local.c
  }
  sink "stdout" "out" {}
}
