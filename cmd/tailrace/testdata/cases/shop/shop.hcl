pipeline "shop" {
  source "postgres" {
    url    = "postgres://tailrace@localhost/shop"
    tables = ["public.orders", "public.order_lines"]
  }

  filter "public.orders" {
    when = row.region == "EU"
  }

  sink "kafka" "bus" {
    brokers = ["kafka:9092"]
    topic   = "${table.schema}.${table.name}"
    format  = "json"

    aggregate "OrderPlaced" {
      table = "public.orders"
      when  = op == "insert"
      key   = row.id
      data  = { id = row.id, lines = [for l in lines : { sku = l.sku, qty = l.qty }] }

      child "public.order_lines" {
        as   = "lines"
        join = child.order_id == row.id
      }
    }

    messages "shop." {
      topic = "shop.messages"
    }

    changes {
      tables = ["public.orders"]
    }
  }

  sink "stdout" "out" {}
}

pipeline "other" {
  source "postgres" {
    url    = "postgres://tailrace@localhost/other"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
