pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op /* ERROR "\"=\" is not an operator" */ = "insert"
      data  = 1
    }
  }
}
