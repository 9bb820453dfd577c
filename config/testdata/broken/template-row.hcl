pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "k" {
    brokers = ["k:9092"]
    topic = "orders.${/* ERROR "row values are not known here: .*not supported by this version" */ row.region}"
  }
}
