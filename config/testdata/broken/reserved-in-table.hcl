pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    table "public.a" {
      /* ERROR "enforce is not supported by this version" */ enforce = "daemon"
      /* ERROR "new_columns is not supported by this version" */ new_columns = "drop"
    }
  }
  sink "stdout" "out" {}
}
