pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
  }
  sink "stdout" "out" /* ERROR "this block has no closing brace: The file ends inside of it" */ {
    pretty = true
