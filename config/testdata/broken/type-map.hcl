pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "k" {
    brokers = ["k:9092"]
    create_topics {
      config = /* ERROR "config is not a map of texts: Write a map such as" */ ["a"]
    }
  }
}
