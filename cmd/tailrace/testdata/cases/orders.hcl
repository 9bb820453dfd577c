pipeline "orders" {
  source "postgres" {
    url      = "postgres://tailrace@localhost/shop"
    password = file("/run/secrets/shop/password")
    tables   = ["public.orders", "public.customers", "public.outbox"]
  }

  mask "public.customers" {
    columns = { email = hmac(row.email, env("MASK_KEY")) }
  }

  sink "kafka" "bus" {
    brokers = ["kafka:9092"]
    topic   = "shop.events"

    event "OrderPaid" {
      table   = "public.orders"
      when    = op == "update" && old.status != "paid" && row.status == "paid"
      key     = row.id
      data    = { order_id = row.id, total = row.total, by = tx.annotations.user }
      headers = { tenant = row.tenant }
    }

    event "OrderCancelled" {
      table = "public.orders"
      when  = op == "delete" || op == "update" && row.status == "cancelled" && (row.total > 100 || row.tenant == null)
      key   = row.id
      data  = { order_id = row.id }
    }

    outbox {
      table = "public.outbox"
      id    = row.id
      topic = "outbox.${row.kind}"
      key   = row.key
      type  = row.type
      data  = row.payload
    }

    changes {
      tables = ["public.customers"]
    }
  }

  sink "postgres" "reporting" {
    url = "postgres://tailrace@localhost/reporting"
  }
}
