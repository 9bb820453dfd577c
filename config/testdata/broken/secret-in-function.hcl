pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "format\\(\\): .*not shown" */ format("%d", env("PGPASSWORD"))
    publication = parseint(/* ERROR "not shown" */ upper(env("COUNT")), 10)
    snapshot {
      parallel = /* ERROR "parallel is not a number" */ env("COUNT")
    }
  }
  sink "stdout" "out" {}
}
