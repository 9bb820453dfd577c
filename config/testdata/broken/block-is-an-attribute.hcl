pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
    /* ERROR "\"tables\" is an attribute: Write it with an equals sign: tables = " */ tables {}
  }
  sink "stdout" "out" {}
}
