# What the rules of orders.hcl make of changes.
env = { MASK_KEY = local.key }

locals {
  key   = "secret"
  order = { id = 1, status = "new", total = 12.5, tenant = 7 }
}

# The comment of a case stays.
case "wrong values" {
  transaction {
    update "public.orders" {
      old = local.order
      row = { status = "paid" }
    }
  }

  expect "bus" {
    # The comment of an event stays.
    event "OrderPaid" {
      key  = "2" # why 2
      data = { order_id = 1, total = "12.5", by = null }
    }
  }
}

case "wrong events" {
  transaction {
    insert "public.customers" {
      row = { id = 1 }
    }
    update "public.orders" {
      old = local.order
      row = { status = "paid" }
    }
    delete "public.orders" {
      old = local.order
    }
  }

  expect "bus" {
    event "OrderPaid" {
      key = "1"
    }

    event "OrderShipped" {}

    event "OrderShipped" {
      topic = "elsewhere"
    }
  }

  expect "reporting" {
    rejected = "no_key"
  }
}

case "nothing expected" {
  transaction {
    update "public.orders" {
      old = local.order
      row = { status = "paid" }
    }
    insert "public.outbox" {
      row = { id = "6ecd8c99-4036-403d-bf84-cf8400f67836", kind = "order", payload = { "a b" = "$${c}\n", null = [1.50, { d = true }] } }
    }
  }
}

case "not enough events" {
  transaction {
    delete "public.orders" {
      old = local.order
    }
    insert "public.outbox" {
      row = { id = "6ecd8c99-4036-403d-bf84-cf8400f67837", kind = "no topic" }
    }
  }

  expect "bus" {}
}

case "holds" {
  transaction {}
  expect "bus" {} # none
}
