pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert" && row.status == /* ERROR "this compares a text with a number.*Write the text in quotes: \"5\"" */ 5 && row.total > /* ERROR "this compares a number with a text.*Write the number without quotes" */ "100"
      data  = { a = row.id == "1", b = row.total + row.status }
    }
  }
}
