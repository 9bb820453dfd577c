pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  /* ERROR "the pipeline \"p\" has two sources: The first is at .*:2" */ source "postgres" {
    url = "postgres://other"
  }
  sink "stdout" "out" {}
}
