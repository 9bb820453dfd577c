pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    failover = /* ERROR "failover is not true or false: Write true or false" */ "yes"
    manage = /* ERROR "manage is not true or false" */ 1
  }
  sink "stdout" "out" {}
}
