pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table     = "public.orders"
      partition = /* ERROR "this is not the number of a partition" */ "first"
      data      = row.id
    }
  }
}
