pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = upper("a", /* ERROR "too many function arguments" */ "b")
    publication = join(",", /* ERROR "invalid function argument" */ 5)
    except = split(","/* ERROR "not enough function arguments" */ )
  }
  sink "stdout" "out" {}
}
