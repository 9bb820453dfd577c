pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "single quotes do not make a text: .*double quotes" */ 'tailrace'
    publication = "fine"
    except = [/* ERROR "single quotes" */ 'public.a', "public.b"]
  }
  sink "stdout" "out" {}
}
