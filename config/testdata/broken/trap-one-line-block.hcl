pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    snapshot { mode = "never" /* ERROR "a block on one line holds one attribute" */ , parallel = 2 }
  }
  sink "stdout" "out" {}
}
