pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    outbox {
      table = "public.outbox"
      data = row.payload + 1
      key  = row.type == /* ERROR "this compares a text with a number.*Write the text in quotes: \"7\"" */ 7
    }
  }
}
