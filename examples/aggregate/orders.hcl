# One event for an order and its lines, as one transaction has written them.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop BROKERS=localhost:9092 tailrace run examples/aggregate
#
# shop.sql has the tables, and a transaction that becomes the event
#
#   key  42
#   data {"id":42,"customer":"ada","total":"30.50","by":"checkout","lines":[{"sku":"pen","qty":1},{"sku":"ink","qty":3}]}

pipeline "orders" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders", "public.order_lines"]
  }

  sink "kafka" "bus" {
    brokers = split(",", env("BROKERS", "127.0.0.1:9092"))
    topic   = "orders.events"

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
        id       = row.id
        customer = row.customer
        total    = row.total
        by       = tx.annotations.user
        lines    = [for l in lines : { sku = l.sku, qty = l.qty }]
      }
    }

    create_topics {
      partitions = 12
    }
  }
}
