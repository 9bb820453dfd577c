pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == /* ERROR "a string is not written in single quotes" */ 'insert'
      data  = 1
    }
  }
}
