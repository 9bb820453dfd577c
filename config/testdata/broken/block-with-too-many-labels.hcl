pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    table "public.a" /* ERROR "a table block has no such label" */ "b" {}
  }
  sink "stdout" "out" {}
}
