pipeline "p" {
  source "postgres" {
    url = "postgres://h/db"
    snapshot /* ERROR "this block has no closing brace: The brace on line 6 stands where" */ {
      mode = "never"
  }
  sink "stdout" "out" {}
}
