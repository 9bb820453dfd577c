pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    enabled = local.a /* ERROR "\"and\" is not an operator: Write && for and" */ and local.b
    failover = (local.a /* ERROR "Write \\|\\| for or" */ or local.b)
    manage = /* ERROR "Write ! before" */ not local.a
    slot = local.a /* ERROR "Write != for <>" */ <> "x"
  }
  sink "stdout" "out" {}
}
