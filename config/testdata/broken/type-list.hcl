pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    except = /* ERROR "except is not a list of texts: Write a list such as \\[\"public.orders\"" */ "public.a"
    table "public.a" {
      key = /* ERROR "key is not a list of texts: one is null" */ ["a", null]
    }
  }
  sink "stdout" "out" {}
}
