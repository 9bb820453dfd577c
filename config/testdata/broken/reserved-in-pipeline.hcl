pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
  /* ERROR "detach_after is not supported by this version" */ detach_after = "30s"
}
