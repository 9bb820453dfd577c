pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    snapshot {}
    /* ERROR "two snapshot blocks: A source block has one at most. The first is at .*:5" */ snapshot {}
  }
  sink "stdout" "out" {}
}
