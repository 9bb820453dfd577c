pipeline "p" {
  source "postgres" {
    url    = "postgres://localhost/shop"
    tables = ["public.orders"]
  }
  sink "kafka" /* ERROR "a sink cannot be called \"source\": .*Choose another one" */ "source" {
    brokers = ["127.0.0.1:9092"]
  }
}
