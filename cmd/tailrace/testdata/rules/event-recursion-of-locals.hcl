locals {
  /* ERROR "local\\.a needs itself" */ a = [local.b]
  b = { c = local.a }
}

pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = local.a
    }
  }
}
