pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table        = "public.orders"
      data         = row.id
      /* ERROR "on_unchanged is \"null\": Write \"omit\" or \"reject\"" */ on_unchanged = "null"
    }
  }
}
