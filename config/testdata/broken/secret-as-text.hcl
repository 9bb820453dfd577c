pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    /* ERROR "Did you mean \"url\"" */ urll = "postgres://u:literal-CANARY@h/db"
    /* ERROR "no attribute \"dsn\"" */ dsn = "host=h password=literal-CANARY"
    password = /* ERROR "this is a name, not a string" */ CANARY
  }
  sink "kafka" "k" {
    brokers = ["k"]
    password = /* ERROR "invalid operand" */ "literal-CANARY" + 1
  }
}
