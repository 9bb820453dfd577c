pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "\"row\" is not known here: A setting is read once" */ row.id
    publication = "${/* ERROR "\"table\" is not known here" */ table.name}"
  }
  sink "stdout" "out" {}
}
