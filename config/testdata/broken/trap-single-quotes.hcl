pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "a string is not written in single quotes: .*double quotes" */ 'tailrace'
    publication = "fine"
    except = [/* ERROR "single quotes" */ 'public.a', "public.b"]
  }
  sink "stdout" "out" {}
}
