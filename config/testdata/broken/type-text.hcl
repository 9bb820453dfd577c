pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "slot is not a text" */ ["a"]
  }
  sink "stdout" "out" {}
}
