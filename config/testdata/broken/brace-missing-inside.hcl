pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
    snapshot /* ERROR "this block has no closing brace: The brace on line 6 is indented like" */ {
      mode = "never"
  }
  sink "stdout" "out" {}
}
