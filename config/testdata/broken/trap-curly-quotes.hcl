pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "a string is not written in curly quotes" */ “tailrace”
  }
  sink "stdout" "out" {}
}
