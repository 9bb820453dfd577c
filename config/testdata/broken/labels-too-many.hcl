daemon /* ERROR "a daemon block has no label here" */ "main" {}
locals /* ERROR "a locals block has no label here" */ "main" {}
pipeline "p" {
  source "postgres" /* ERROR "a source block has no label here" */ "main" {}
  sink "stdout" "out" {}
}
