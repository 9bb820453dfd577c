/* ERROR "no block \"pipline\" in a file: Did you mean \"pipeline\"" */ pipline "q" {}
/* ERROR "no attribute \"window\" in a file: What can stand here|no attribute" */ window = "1MiB"
/* ERROR "\"locals\" is a block" */ locals = { a = 1 }
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
