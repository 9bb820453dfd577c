pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
  /* ERROR "the window is empty" */ window = 0
}
