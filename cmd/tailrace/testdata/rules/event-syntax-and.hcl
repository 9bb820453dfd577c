pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert" /* ERROR "\"and\" is not an operator" */ and row.id > 1
      data  = 1
    }
  }
}
