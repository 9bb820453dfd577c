pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "an attribute's name is written without quotes" */ "slot" = "a"
  }
  sink "stdout" "out" {}
}
