pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    enabled = /* ERROR "\"row\" is not known here" */ row.id
  }
  sink "stdout" "out" {
    enabled = /* ERROR "enabled is not true or false" */ "maybe"
  }
}
