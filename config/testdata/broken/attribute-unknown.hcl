pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "no attribute \"color\".*Valid names: \"connection\", \"enabled\"" */ color = "x"
  }
  sink "stdout" "out" {}
}
