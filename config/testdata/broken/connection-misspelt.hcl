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
    connection = /* ERROR "no connection \"mian\" of kind \"kafka\": Did you mean \"main\"" */ "mian"
  }
  sink "kafka" "b" {
    connection = /* ERROR "no connection \"db\" of kind \"kafka\": There is one of kind postgres" */ "db"
  }
  sink "stdout" "c" {
    connection = /* ERROR "no connection \"x\" of kind \"stdout\": Define it: connection \"stdout\"" */ "x"
  }
  sink "kafka" "d" {
    connection = /* ERROR "connection is not a text" */ ["main"]
  }
}
