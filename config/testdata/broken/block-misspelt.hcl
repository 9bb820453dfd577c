pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "no block \"snapshots\" in a source: Did you mean \"snapshot\"" */ snapshots {}
  }
  sink "stdout" "out" {}
}
