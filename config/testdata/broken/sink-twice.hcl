pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
  sink "kafka" /* ERROR "the pipeline \"p\" has two sinks \"out\": The first is at .*:6" */ "out" {
    brokers = ["k"]
  }
}
