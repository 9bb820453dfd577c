pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    table "public.a" {
      where = "name LIKE '50%{/* ERROR "a template directive is not complete: .*Write %%{ for" */ x}'"
    }
  }
  sink "stdout" "out" {}
}
