pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "kafka" "out" {
    brokers = ["h:9092"]
    create_topics {
      names      = /* ERROR "names is not a list of texts" */ "orders"
      /* ERROR "there is no attribute \"partition\" in a create_topics.*Did you mean \"partitions\"" */ partition  = 12
      config     = /* ERROR "config is not a map of texts" */ ["cleanup.policy"]
    }
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data = 1
    }
  }
}
