pipeline "p" {
  source "postgres" {
    /* ERROR "Did you mean \"url\"" */ ulr = "postgres://h/db"
    /* ERROR "Did you mean \"tables\"" */ tabels = ["public.t"]
  }
  sink "stdout" "out" {}
}
