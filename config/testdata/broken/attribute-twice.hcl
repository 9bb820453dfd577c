pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = "a"
    /* ERROR "slot is defined twice: The first is at .*attribute-twice.hcl:5" */ slot = "b"
  }
  sink "stdout" "out" {}
}
