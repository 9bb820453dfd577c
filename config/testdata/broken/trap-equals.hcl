pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    enabled = local.a /* ERROR "\"=\" is not an operator: Write == to compare" */ = "x"
    failover = (local.a /* ERROR "Write == to compare" */ = "x")
  }
  sink "stdout" "out" {}
}
