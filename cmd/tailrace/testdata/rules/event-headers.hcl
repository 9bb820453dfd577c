pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table   = "public.orders"
      headers = /* ERROR "headers is not an object" */ ["a"]
      data    = row.id
    }
    event "B" {
      table   = "public.orders"
      headers = { a = row.id, /* ERROR "there are two headers \"a\"" */ a = 1 }
      data    = row.id
    }
  }
}
