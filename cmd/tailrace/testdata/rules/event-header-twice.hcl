pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      headers = { a = 1, /* ERROR "there are two headers \"a\"" */ "a" = 2 }
      data    = 1
    }
  }
}
