pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    snapshot {
      /* ERROR "no attribute \"modus\" in a snapshot: Did you mean \"mode\"" */ modus = "never"
    }
    table "public.a" {
      /* ERROR "Did you mean \"columns\"" */ colums = ["id"]
      /* ERROR "Did you mean \"where\"" */ wher = "true"
    }
  }
  sink "stdout" "out" {}
}
