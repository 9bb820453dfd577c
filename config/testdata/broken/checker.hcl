pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    snapshot {
      /* ERROR "mode is not initial or never: It is always" */ mode = "always"
    }
    /* ERROR "the table has no schema: Write \"public.orders\"" */ table "orders" {}
  }
  sink "kafka" "k" {
    brokers = ["k"]
    /* ERROR "delivery is not at_least_once or exactly_once" */ delivery = "exactly-once"
  }
}
