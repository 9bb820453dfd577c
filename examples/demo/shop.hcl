# What `go run ./cmd/demo` runs. The demo sets the three variables: its servers use free ports.

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
}

connection "kafka" "main" {
  brokers = split(",", env("BROKERS"))
}

pipeline "shop" {
  source "postgres" {
    url    = env("SHOP_URL")
    tables = ["public.orders"]
  }

  sink "kafka" "bus" {
    connection = "main"

    create_topics {
      partitions = 3
    }
  }
}
