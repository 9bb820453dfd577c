# A transactional outbox: what a service writes into the table public.outbox (outbox.sql), or with pg_logical_emit_message, is published
# exactly as it was written, in the order of the commits, if and only if its transaction commits.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop tailrace run examples/outbox

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
}

pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.outbox"]
  }

  sink "kafka" "bus" {
    brokers     = split(",", env("BROKERS", "127.0.0.1:9092"))
    dead_letter = "shop.rejected" # what Kafka cannot take, for example a topic name with a space

    create_topics {
      names      = ["shop.order", "shop.customer"] # the other topics do not come from rows, and need no name here
      partitions = 12
    }

    outbox {
      table   = "public.outbox"
      id      = row.id # becomes ce_id
      topic   = "shop.${row.aggregate_type}"
      key     = row.aggregate_id
      type    = row.type
      data    = row.payload # null: a tombstone
      headers = { traceparent = row.trace }
    }

    messages "shop." {
      topic = "shop.messages"
    }
  }
}
