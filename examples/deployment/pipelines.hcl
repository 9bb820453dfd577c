# One tailrace for several databases of a team. A pipeline with a problem halts without affecting the others.

daemon {
  listen = "0.0.0.0:9187"
  memory = "512MiB" # for all windows together
}

connection "kafka" "main" {
  brokers = split(",", env("BROKERS", "kafka:9092"))

  tls {
    ca = "/etc/tailrace/ca/kafka.pem"
  }
  sasl {
    mechanism = "SCRAM-SHA-512"
    username  = "tailrace"
    password  = file("/run/secrets/tailrace/kafka-password")
  }
}

locals {
  tls = "sslmode=verify-full&sslrootcert=/etc/tailrace/ca/db.pem"
}

pipeline "orders" {
  source "postgres" {
    url      = "postgres://tailrace@orders-db/orders?${local.tls}"
    password = file("/run/secrets/tailrace/orders-password")
    tables   = ["public.orders", "public.order_lines"]

    table "public.customers" {
      columns = ["id", "country", "created_at"] # names and addresses never leave the server
    }
  }

  sink "kafka" "bus" {
    connection = "main"

    create_topics {
      partitions = 12
    }
  }
}

pipeline "payments" {
  source "postgres" {
    url       = "postgres://tailrace@payments-db/payments?${local.tls}"
    password  = file("/run/secrets/tailrace/payments-password")
    tables    = ["public.payments"]
    manage    = false # the DBA creates the publication: see docs/operations.md
    heartbeat = "30s"
  }

  sink "kafka" "bus" {
    connection = "main"
    topic      = "payments.changes"
    format     = "json"
    tombstones = true
  }
}
