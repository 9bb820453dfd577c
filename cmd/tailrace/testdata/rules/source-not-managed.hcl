pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    manage = false
    /* ERROR "columns and where have no effect with manage = false: .*enforce = \"daemon\"" */ table "public.a" {
      columns = ["id"]
    }
    table "public.b" {
      columns = ["id"]
      where   = row.id > 3
      enforce = "daemon"
    }
    /* ERROR "new_columns = \"halt\" cannot be combined with manage = false" */ table "public.c" {
      new_columns = "halt"
    }
    /* ERROR "new_columns = \"drop\" cannot be combined with manage = false" */ table "public.d" {
      new_columns = "drop"
    }
  }
  sink "stdout" "out" {}
}
