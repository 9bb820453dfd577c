pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      /* ERROR "there is no attribute \"keys\" in an event.*Did you mean \"key\"" */ keys  = row.id
      /* ERROR "there is no attribute \"payload\" in an event.*on_unchanged" */ payload = 1
      data  = 1
    }
  }
}
