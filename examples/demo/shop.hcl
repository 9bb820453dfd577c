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
    tables = ["public.orders", "public.order_lines"]
  }

  sink "kafka" "bus" { # every change of an order
    connection = "main"

    create_topics {
      partitions = 3
    }

    changes {
      tables = "public.orders"
    }
  }

  sink "kafka" "events" { # what happened in the shop
    connection = "main"
    topic      = "shop.events"

    create_topics {
      partitions = 3
    }

    aggregate "OrderPlaced" { # an order and its lines, from one transaction
      table = "public.orders"
      when  = op == "insert"

      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }

      key = row.id
      data = {
        order    = row.id
        customer = row.customer
        total    = row.total
        lines    = [for l in lines : { sku = l.sku, quantity = l.quantity }]
      }
    }

    event "OrderPaid" {
      table = "public.orders"
      when  = op == "update" && old.status != "paid" && row.status == "paid" # old.status: REPLICA IDENTITY FULL
      key   = row.id
      data  = { order = row.id, customer = row.customer, total = row.total }
    }
  }
}
