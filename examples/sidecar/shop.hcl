# One service, one database, one tailrace in the same pod. The secrets are files of the pod: see sidecar.yaml.

daemon {
  listen = "0.0.0.0:9187" # for the kubelet's probes and for Prometheus; it shows no row and changes nothing
}

pipeline "shop" {
  window = "32MiB"

  source "postgres" {
    url      = "postgres://tailrace@${env("PGHOST", "shop-db")}/shop?sslmode=verify-full&sslrootcert=/etc/tailrace/ca/db.pem"
    password = file("/run/secrets/tailrace/db-password")
    tables   = ["public.*"]
    except   = ["public.schema_migrations"]
  }

  sink "kafka" "bus" {
    brokers     = split(",", env("BROKERS", "kafka:9092"))
    topic       = "cdc.${table.schema}.${table.name}"
    compression = "zstd"
    dead_letter = "cdc.dead-letter"

    tls {
      ca = "/etc/tailrace/ca/kafka.pem"
    }
    sasl {
      mechanism = "SCRAM-SHA-512"
      username  = "tailrace"
      password  = file("/run/secrets/tailrace/kafka-password")
    }
    create_topics {
      partitions = 12
      config     = { "min.insync.replicas" = "2" }
    }
  }
}
