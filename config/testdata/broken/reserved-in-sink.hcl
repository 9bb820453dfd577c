pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "k" {
    brokers = ["k:9092"]
    /* ERROR "verify is not supported" */ verify {}
  }
}
