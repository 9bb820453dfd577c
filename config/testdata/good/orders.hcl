daemon {
  listen = "0.0.0.0:9188"
  token  = file("/run/secrets/password")
  memory = "1GiB"
}

locals {
  eu     = "region = 'EU'"
  prefix = "${lower(env("REGION"))}.cdc"
}

connection "kafka" "main" {
  brokers  = split(",", env("BROKERS", "127.0.0.1:9092"))
  user     = "shared"
  password = env("PGPASSWORD")
  tls {
    ca  = "/shared.pem"
    key = file("/run/secrets/password")
  }
}

connection "kafka" "unused" {
  brokers = ["other:9092"]
}

pipeline "orders" {
  window = "32MiB"

  source "postgres" {
    url       = "postgres://tailrace@${env("PGHOST", "localhost")}/shop"
    password  = file("/run/secrets/password")
    tables    = ["public.orders", "tenant_*.orders"]
    except    = ["public.schema_migrations"]
    slot      = "tailrace_orders"
    manage    = false
    failover  = true
    heartbeat = "10s"

    snapshot {
      mode = "never"
    }

    table "public.Order Notes" {
      key   = ["id"]
      where = local.eu
    }
    table "public.customers" {
      columns = [for c in split(" ", "id name") : c]
    }
  }

  sink "kafka" "bus" {
    connection  = "main"
    user        = "own"
    topic       = "${local.prefix}.${table.schema}.${table.name}"
    delivery    = "exactly_once"
    max_request = 1048576
    tls {
      ca = "/own.pem"
    }
    create_topics {
      names      = ["outbox.order"]
      partitions = 12
      config     = { "cleanup.policy" = "compact" }
    }
  }

  sink "stdout" "out" {
    pretty = true
    rate   = 0.5
  }
}
