connection "kafka" "main" {
  /* ERROR "no attribute \"broker\" in a connection: Did you mean \"brokers\"" */ broker = ["k"]
  max_request = /* ERROR "max_request is not a size" */ "big"
}
connection "kafka" /* ERROR "two connections \"main\" of type \"kafka\": The first is at .*:1" */ "main" {}
connection /* ERROR "unknown connection type \"kafak\": Did you mean \"kafka\"" */ "kafak" "x" {}
connection "kafka" "unused" {
  brokers = [/* ERROR "there is no local.x" */ local.x]
  topic = "${/* ERROR "there is no local.y" */ local.y}.${table.name}"
}
connection "kafka" "off" {
  enabled = false
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "a" {
    connection = "main"
  }
  sink "kafka" "b" {
    connection = "main"
  }
  sink "kafka" "c" {
    connection = /* ERROR "the connection \"off\" is not enabled: See .*:11" */ "off"
  }
}
