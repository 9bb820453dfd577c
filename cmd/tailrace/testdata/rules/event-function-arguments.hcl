pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = /* ERROR "not enough function arguments" */ substr(row.status), b = upper(row.id, /* ERROR "too many function arguments" */ 1) }
    }
  }
}
