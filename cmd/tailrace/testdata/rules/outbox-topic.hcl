pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "kafka" "out" {
    brokers = ["h:9092"]
    outbox {
      table = "public.outbox"
      data = row.payload
      topic = /* ERROR "topic of outbox cannot be the name of a topic" */ "a topic"
    }
    outbox {
      table = "public.orders"
      data = row.payload
      topic = /* ERROR "topic of outbox cannot be the name of a topic" */ ".."
    }
  }
}
