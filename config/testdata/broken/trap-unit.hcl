pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    heartbeat = 30s # ERROR "a number with a unit is written in quotes"
  }
  sink "stdout" "out" {}
}
