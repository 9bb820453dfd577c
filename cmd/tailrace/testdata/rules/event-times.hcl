pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data  = { a = /* ERROR "there is no tx\\.tim.*Did you mean \"tx\\.time\"" */ tx.tim, b = tx.lsn > /* ERROR "this compares a text with a number.*Write the text in quotes: \"5\"" */ 5 }
    }
  }
}
