pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "kafka" "out" {
    brokers = ["h:9092"]
    /* ERROR "format raw publishes payloads, and this sink has no block that gives events one" */ format = "raw"
  }
}
