# One event for an order and its lines (orders.sql), as one transaction has written them. What shop.sql does gives the events of
# events.txt.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop tailrace run examples/aggregate

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
}

pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders", "public.order_lines"]
  }

  sink "kafka" "bus" {
    brokers = split(",", env("BROKERS", "127.0.0.1:9092"))
    topic   = "shop.orders"

    create_topics {
      partitions = 12
    }

    aggregate "OrderPlaced" {
      table = "public.orders"
      when  = op == "insert"

      child "public.order_lines" {
        as       = "lines"
        join     = child.order_id == row.id
        order_by = child.position
      }

      key = row.id
      data = {
        order    = row.id
        customer = row.customer
        total    = row.total
        by       = tx.annotations.user
        lines    = [for l in lines : { sku = l.sku, qty = l.qty }]
      }
    }
  }
}
