# The rules of orders.hcl, tested without a server: tailrace test examples/domain-events

env = { MASK_KEY = local.key }

locals {
  key   = "only for tests"
  order = { id = 41, customer_id = 7, status = "open", total = 1250 }
}

# As in orders.sql.
table "public.customers" {
  key      = ["id"]
  identity = "full"
  columns  = { id = "int", name = "text not null", email = "text" }
}

table "public.orders" {
  key      = ["id"]
  identity = "full"
  columns = {
    id          = "int"
    customer_id = "int not null"
    status      = "text not null"
    total       = "numeric(12,2) not null"
    test        = "boolean not null"
  }
}

table "public.order_lines" {
  key     = ["order_id", "no"]
  columns = { order_id = "int", no = "int", sku = "text not null" }
}

case "an order is placed, paid and cancelled" {
  transaction {
    insert "public.orders" {
      row = merge(local.order, { test = false })
    }
  }
  transaction {
    update "public.orders" {
      old = merge(local.order, { test = false })
      row = { status = "paid" }
    }
  }
  transaction {
    update "public.orders" {
      old = merge(local.order, { test = false, status = "paid" })
      row = { status = "cancelled" }
    }
  }

  expect "bus" {
    event "OrderPlaced" {
      topic = "shop.orders"
      key   = "41"
      data  = { order = 41, customer = 7, total = "1250.00" }
    }
    event "OrderPaid" {
      key     = "41"
      headers = { customer = "7", ce_subject = "orders/41" }
      data    = { order = 41, total = "1250.00", large = true }
    }
    event "OrderCancelled" {
      data = { order = 41, refund = "1250.00" }
    }
  }
}

case "a paid order that changes is paid once" {
  transaction {
    update "public.orders" {
      old = merge(local.order, { test = false, status = "paid" })
      row = { total = 1300 }
    }
  }

  expect "bus" {}
}

case "orders that try something out have no events" {
  transaction {
    insert "public.orders" {
      row = merge(local.order, { test = true })
    }
  }

  expect "bus" {}
}

case "customers are a feed, with masked addresses" {
  transaction {
    read "public.customers" {
      row = { id = 7, name = "Anna", email = "anna@example.com" }
    }
  }
  transaction {
    insert "public.order_lines" {
      row = { order_id = 41, no = 1, sku = "tea" }
    }
  }

  expect "bus" {
    event "Customer" {
      topic = "shop.customers"
      key   = "7"
      data  = { id = 7, name = "Anna", contact = hmac("anna@example.com", local.key) }
    }
    event "public.order_lines.insert" {
      key = { order_id = 41, no = 1 }
    }
  }
}
