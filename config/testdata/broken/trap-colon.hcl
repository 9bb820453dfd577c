pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "an attribute or a block should stand here: An attribute is written name = value" */ slot: "a"
  }
  sink "stdout" "out" {}
}
