pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "no attribute \"color\".*What can stand here: \"connection\", \"enabled\"" */ color = "x"
  }
  sink "stdout" "out" {}
}
