pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "\"snapshot\" is a block: Write it without the equals sign" */ snapshot = { mode = "never" }
  }
  sink "stdout" "out" {}
}
