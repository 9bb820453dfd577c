pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "a" {
    brokers = ["k"]
    topic = /* ERROR "this does not give a text" */ [table.name]
  }
  sink "kafka" "b" {
    brokers = ["k"]
    topic = /* ERROR "this is not a text" */ ["a"]
  }
  sink "kafka" "c" {
    brokers = ["k"]
    topic = /* ERROR "this is not known of a table" */ table
  }
}
