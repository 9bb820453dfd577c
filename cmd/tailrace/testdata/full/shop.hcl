# The example of the language, as far as it is built. Left out are, because they are not built:
#   detach_after and detach_limit of the pipeline; snapshot { parallel }; enforce and new_columns of a table block;
#   delivery = "exactly_once"; format = "avro"; the Redis sink; the pipeline with a Kafka source.
# Changed are, because the example contradicts itself:
#   the columns of public.orders include tenant_id, which a header reads;
#   messages have a key, because the configuration of create_topics makes their topic a compacted one, which takes no null key;
#   the tables of the tenants are not named orders: they would land in the table of public.orders in the replica.

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
  token  = file(env("TOKEN_FILE"))
  memory = "1GiB"
}

locals {
  eu = "region = 'EU'"
}

connection "kafka" "main" {
  brokers = split(",", env("BROKERS", "127.0.0.1:9092"))
}

pipeline "shop" {
  window = "64MiB"

  source "postgres" {
    url       = env("DATABASE_URL")
    tables    = ["public.orders", "public.order_lines", "public.outbox", "public.customers", "public.schema_*", "tenant_*.invoices"]
    except    = ["public.schema_migrations"]
    failover  = true
    heartbeat = "10s"

    snapshot {
      mode = "initial"
    }

    table "public.orders" {
      key     = ["id"]
      columns = ["id", "customer_id", "tenant_id", "status", "total", "region", "updated_at"]
      where   = local.eu
    }
  }

  mask "public.customers" {
    columns = { email = hmac(row.email, env("MASK_KEY")), "Full Name" = null, phone = "${substr(row.phone, 0, 3)}...", country = "EU" }
  }

  sink "kafka" "bus" {
    connection = "main"
    topic      = "shop.orders.events"
    delivery   = "at_least_once"
    format     = "cloudevents"

    create_topics {
      names      = ["shop.outbox.order"]
      partitions = 12
      config     = { "cleanup.policy" = "compact" }
    }

    event "OrderPaid" {
      table        = "public.orders"
      when         = op == "update" && old.status != "paid" && row.status == "paid"
      key          = row.id
      data         = { order_id = row.id, total = row.total, paid_at = tx.time, by = tx.annotations.user }
      headers      = { tenant = row.tenant_id }
      on_unchanged = "reject"
    }

    aggregate "OrderPlaced" {
      table = "public.orders"
      when  = op == "insert"
      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
      key  = row.id
      data = { id = row.id, lines = [for l in lines : { sku = l.sku, qty = l.qty }] }
    }

    outbox {
      table     = "public.outbox"
      id        = row.id
      topic     = "shop.outbox.${row.aggregate_type}"
      key       = row.aggregate_id
      type      = row.type
      data      = row.payload
      headers   = { traceparent = row.trace }
      on_update = "ignore"
      snapshot  = true
      cleanup   = "none"
    }

    messages "shop." {
      topic = "shop.messages"
      key   = table.name
    }

    changes {
      tables = ["public.order_lines"]
    }

    event "OrderArchived" {
      enabled = env("ARCHIVE", "") == "yes"
      table   = "public.orders"
      when    = op == "delete"
      data    = { id = row.id }
    }
  }

  sink "postgres" "reporting" {
    url              = env("REPORTING_URL")
    schema           = "orders"
    start            = "copy"
    on_schema_change = "add_columns"
    on_conflict      = "halt"
    deletes          = "apply"
    truncate         = "apply"
  }
}
