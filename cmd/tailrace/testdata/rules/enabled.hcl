pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      enabled = /* ERROR "\"row\" is not known here" */ row.id > 1
      when  = op == "insert"
      data = 1
    }
    event "B" {
      table = "public.orders"
      enabled = /* ERROR "enabled is not true or false" */ "maybe"
      when  = op == "insert"
      data = 1
    }
  }
}
