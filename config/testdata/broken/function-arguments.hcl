pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = upper("a", /* ERROR "[Tt]oo many function arguments" */ "b")
    publication = join(",", /* ERROR "[Ii]nvalid" */ 5)
    except = split(","/* ERROR "[Nn]ot enough function arguments" */ )
  }
  sink "stdout" "out" {}
}
