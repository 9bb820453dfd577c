# Domain events from changes of rows (orders.sql): the application writes its tables as ever, and consumers get OrderPlaced,
# OrderPaid and OrderCancelled, and a feed of customers. events.txt shows what they get.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop tailrace run examples/domain-events

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
}

locals {
  mask_key = env("MASK_KEY", "only for this example")
}

pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.customers", "public.orders", "public.order_lines"]
  }

  mask "public.customers" { # before anything is buffered
    columns = { email = hmac(row.email, local.mask_key) }
  }

  sink "kafka" "bus" {
    brokers = split(",", env("BROKERS", "127.0.0.1:9092"))
    topic   = "shop.${table.name}"

    create_topics {
      partitions = 12
    }

    filter "public.orders" { # no events of orders that are made to try something out
      when = !row.test
    }

    event "OrderPlaced" {
      table = "public.orders"
      when  = op == "insert"
      key   = row.id
      data  = { order = row.id, customer = row.customer_id, total = row.total }
    }

    event "OrderPaid" {
      table   = "public.orders"
      when    = op == "update" && old.status != "paid" && row.status == "paid" # old.status: REPLICA IDENTITY FULL
      key     = row.id
      data    = { order = row.id, total = row.total, large = row.total >= 1000 }
      headers = { customer = row.customer_id }
      subject = "orders/${row.id}"
    }

    event "OrderCancelled" {
      table = "public.orders"
      when  = op == "update" && old.status != row.status && row.status == "cancelled"
      key   = row.id
      data  = { order = row.id, refund = old.status == "paid" ? row.total : null }
    }

    event "Customer" { # each customer as it is, also at the first start: a feed for read models
      table = "public.customers"
      when  = op != "delete"
      key   = row.id
      data  = { id = row.id, name = row.name, contact = row.email }
    }

    changes { # plain changes next to the events
      tables = "public.order_lines"
    }
  }
}
