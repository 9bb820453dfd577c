pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "k" {
    brokers = ["k:9092"]
    topic = "cdc.${/* ERROR "this is not known of a table: Did you mean \"table.schema\"" */ table.schem}.${/* ERROR "this is not known of a table: A table has table.schema and table.name" */ table.oid}"
  }
}
