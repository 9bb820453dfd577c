pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = /* ERROR "\"data\" is not known here" */ data.a }
      key   = /* ERROR "\"key\" is not known here" */ key
    }
  }
}
