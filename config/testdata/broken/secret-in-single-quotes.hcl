pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    password = /* ERROR "single quotes" */ 'literal-CANARY#CANARY'
  }
  sink "stdout" "out" {}
}
