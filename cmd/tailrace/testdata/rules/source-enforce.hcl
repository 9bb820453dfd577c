locals {
  eu = "region = 'EU'"
}

pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
    table "public.a" {
      where   = /* ERROR "where is an expression over row, not SQL: Write where = row.region == \"EU\"" */ "region = 'EU'"
      enforce = "daemon"
    }
    table "public.b" {
      where   = /* ERROR "where is an expression over row, not SQL" */ local.eu
      enforce = "daemon"
    }
    table "public.c" {
      where   = /* ERROR "where is an expression over row, not SQL" */ "${row.region} = 'EU'"
      enforce = "daemon"
    }
    table "public.d" {
      where = /* ERROR "where is SQL, which the server evaluates.*add enforce = \"daemon\"" */ row.region == "EU"
    }
    table "public.e" {
      where = /* ERROR "where is not a text" */ 1 == 1
    }
    table "public.f" {
      where   = /* ERROR "where does not know \"old\"" */ old.region == row.region
      enforce = "daemon"
    }
    table "public.g" {
      where   = /* ERROR "where does not know \"op\": .*A filter block" */ op == "insert" && row.region == "EU"
      enforce = "daemon"
    }
    table "public.h" {
      where   = length(/* ERROR "where reads single columns" */ row) > 1
      enforce = "daemon"
    }
    table "public.i" {
      where   = /* ERROR "no name \"region\"|\"region\"" */ region == "EU"
      enforce = "daemon"
    }
    table "public.j" {
      columns = ["id"]
      /* ERROR "enforce = \"client\" is unknown: It is server or daemon" */ enforce = "client"
    }
    table "public.k" {
      /* ERROR "enforce has no effect without columns or where" */ enforce = "daemon"
    }
    table "public.l" {
      key     = ["id", "no"]
      /* ERROR "columns leaves out no of key" */ columns = ["id"]
      enforce = "daemon"
    }
  }
  sink "stdout" "out" {}
}
