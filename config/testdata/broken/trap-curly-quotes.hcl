pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "curly quotes do not make a text" */ “tailrace”
  }
  sink "stdout" "out" {}
}
