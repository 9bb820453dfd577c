pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = "a" /* ERROR "two attributes on one line" */ publication = "b"
  }
  sink "stdout" "out" {}
}
