pipeline "p" {
  source /* ERROR "source \"kafka\" is not supported by this version" */ "kafka" {}
  sink /* ERROR "sink \"redis\" is not supported by this version" */ "redis" "cache" {}
}
