pipeline "p" {
  /* ERROR "\"source\" is a block: Write it without the equals sign" */ source = "postgres"
  sink "stdout" "out" {}
}
