pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "no attribute \"pasword\" in a source: Did you mean \"password\"" */ pasword = "x"
  }
  sink "stdout" "out" {}
}
