# What the rules of orders.hcl make of changes.
env = { MASK_KEY = local.key }

locals {
  key   = "secret"
  order = { id = 1, status = "new", total = 12.5, tenant = 7 }
}

case "an order is paid once" {
  transaction {
    annotations = { user = "ann" }

    update "public.orders" {
      old = local.order
      row = { status = "paid" } # the other columns stay
    }
    update "public.orders" {
      old = merge(local.order, { status = "paid" })
      row = { total = 13 }
    }
  }

  expect "bus" {
    event "OrderPaid" {
      topic   = "shop.events"
      key     = "1"
      headers = { tenant = 7, ce_type = "OrderPaid", nothing = null }
      data    = { order_id = 1, total = "12.50", by = "ann" }
    }
  }
}

case "a small order is cancelled" {
  transaction {
    update "public.orders" {
      old       = merge(local.order, { note = "long" })
      row       = { status = "cancelled" }
      unchanged = ["note"]
    }
  }

  expect "bus" {}
}

case "the outbox" {
  transaction {
    insert "public.outbox" {
      row = {
        id = "6ecd8c99-4036-403d-bf84-cf8400f67836", kind = "order", key = "a", type = "Placed", payload = { b = [1, null], aa = "x" }
      }
    }
    delete "public.outbox" {
      old = { id = "6ecd8c99-4036-403d-bf84-cf8400f67836", kind = "order" }
    }
    insert "public.outbox" {
      row = { id = "6ecd8c99-4036-403d-bf84-cf8400f67837", kind = "no topic" }
    }
  }

  expect "bus" {
    event "Placed" {
      id    = "6ecd8c99-4036-403d-bf84-cf8400f67836"
      topic = "outbox.order"
      key   = "a"
      value = { aa = "x", b = [1, null] }
    }
    rejected = "topic_name"
  }
}

case "customers are masked" {
  transaction {
    insert "public.customers" {
      row = { id = 1, email = "ann@example.com", tags = ["a", "b c", null] }
    }
  }
  transaction {
    update "public.customers" {
      old = { id = 1, email = "ann@example.com" }
      row = { id = 2 }
    }
  }

  expect "bus" {
    event "public.customers.insert" {
      key = { id = 1 }
      data = {
        op  = "insert"
        row = { id = 1, email = hmac("ann@example.com", local.key), tags = ["a", "b c", null] }
      }
    }
    event "public.customers.delete" {
      key = { id = 1 }
    }
    event "public.customers.insert" {
      key = { id = 2 }
    }
  }

  expect "reporting" {
    event "public.customers.insert" {}
    event "public.customers.update" {
      data = {
        op  = "update"
        old = { id = 1 }
        row = { id = 2, email = hmac("ann@example.com", local.key), tags = null }
      }
    }
  }
}
