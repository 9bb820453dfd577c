pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
    table "public.a" {
      /* ERROR "new_columns = \"ignore\" is unknown: It is publish, drop or halt" */ new_columns = "ignore"
    }
    table "public.b" {
      columns = ["id"]
      /* ERROR "new_columns = \"publish\" contradicts columns" */ new_columns = "publish"
    }
    table "public.c" {
      columns = ["id"]
      /* ERROR "with columns, new columns do not reach the daemon: .*Add enforce = \"daemon\"" */ new_columns = "halt"
    }
    table "public.d" {
      columns     = ["id"]
      enforce     = "daemon"
      new_columns = "halt"
    }
    table "public.e" {
      new_columns = "halt"
    }
  }
  sink "stdout" "out" {}
}
