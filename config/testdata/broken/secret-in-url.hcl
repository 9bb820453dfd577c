pipeline "p" {
  source "postgres" {
    /* ERROR "url is not a URL" */ url = "postgres://u:${env("PGPASSWORD")}@h:port/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
pipeline "q" {
  source "postgres" {
    /* ERROR "url is not a URL" */ url = "postgres://u:literal-CANARY/p@ss@h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
