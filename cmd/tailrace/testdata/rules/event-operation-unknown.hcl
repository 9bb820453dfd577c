pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == /* ERROR "there is no operation \"updated\".*Did you mean \"update\"" */ "updated"
      data  = 1
    }
    event "B" {
      table = "public.orders"
      when  = op == /* ERROR "there is no operation \"UPDATE\"" */ "UPDATE"
      data  = 1
    }
  }
}
