pipeline "p" {
  window = /* ERROR "window is not a size: a size is a whole number of bytes" */ 0.5
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "k" {
    brokers = ["k:9092"]
    max_request = /* ERROR "max_request is not a size: Write a size such as \"64MiB\"" */ "64M"
  }
}
