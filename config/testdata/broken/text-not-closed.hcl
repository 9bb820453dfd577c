pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "this string has no closing quote" */ "abc
    publication = "x"
  }
  sink "stdout" "out" {}
}
