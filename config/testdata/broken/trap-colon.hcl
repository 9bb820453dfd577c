pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "expected an attribute or a block: An attribute is written name = value" */ slot: "a"
  }
  sink "stdout" "out" {}
}
