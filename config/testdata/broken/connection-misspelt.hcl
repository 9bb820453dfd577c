connection "kafka" "main" {
  brokers = ["k"]
}
connection "postgres" "db" {
  url = "postgres://h"
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "kafka" "a" {
    connection = /* ERROR "no connection \"mian\" of type \"kafka\": Did you mean \"main\"" */ "mian"
  }
  sink "kafka" "b" {
    connection = /* ERROR "no connection \"db\" of type \"kafka\": There is one of type postgres" */ "db"
  }
  sink "stdout" "c" {
    connection = /* ERROR "no connection \"x\" of type \"stdout\": Define it: connection \"stdout\"" */ "x"
  }
  sink "kafka" "d" {
    connection = /* ERROR "connection is not a text" */ ["main"]
  }
}
