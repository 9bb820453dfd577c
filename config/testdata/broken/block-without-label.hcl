pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "a table block needs a name" */ table {}
  }
  sink "stdout" "out" {}
}
