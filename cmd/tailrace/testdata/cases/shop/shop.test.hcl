table "public.orders" {
  key      = ["id"]
  identity = ["id", "region"]
  columns  = { id = "bigint", region = "region", note = "text" }
}

table "public.order_lines" {
  key     = ["id"]
  columns = { id = "bigint", order_id = "bigint", sku = "text", qty = "int" }
}

type "region" {
  labels = ["EU", "US"]
}

case "an order and its lines are one event" {
  pipeline = "shop"

  transaction {
    annotations = { traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }

    insert "public.orders" {
      row = { id = 1, region = "EU" }
    }
    insert "public.order_lines" {
      row = { id = 1, order_id = 1, sku = "a", qty = 2 }
    }
    insert "public.order_lines" {
      row = { id = 2, order_id = 1, sku = "b", qty = 1 }
    }
  }

  expect "bus" {
    event "public.orders.insert" {
      topic   = "public.orders"
      headers = { traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
      value = {
        op     = "insert"
        schema = "public"
        table  = "orders"
        row    = { id = 1, region = "EU", note = null }
        lsn    = "0/1000100"
        seq    = 1
        xid    = 1
        time   = "2026-01-01T00:00:00.000000Z"
      }
    }
    event "OrderPlaced" {
      key  = 1
      data = { id = 1, lines = [{ sku = "a", qty = 2 }, { sku = "b", qty = 1 }] }
    }
  }

  expect "out" {
    event "public.orders.insert" {}
    event "public.order_lines.insert" {
      key = { id = 1 }
    }
    event "public.order_lines.insert" {}
  }
}

case "filtered" {
  pipeline = "shop"

  transaction {
    insert "public.orders" {
      row = { id = 1, region = "US" }
    }
    update "public.orders" {
      old       = { id = 1, region = "EU" }
      row       = { region = "US" }
      unchanged = ["note"]
    }
  }

  expect "out" {}
}

case "messages" {
  pipeline = "shop"

  transaction {
    message "shop.paid" {
      content = { id = 1 }
    }
    message "elsewhere" {
      content = "text"
    }
  }

  expect "bus" {
    event "shop.paid" {
      topic = "shop.messages"
      data  = { id = 1 }
    }
  }
  expect "out" {}
}

case "the first snapshot" {
  pipeline = "shop"

  transaction {
    read "public.orders" {
      row = { id = 1, region = "EU" }
    }
  }
  transaction {
    truncate "public.orders" {}
  }

  expect "bus" {
    event "public.orders.read" {
      id = "shop/00000000/0/1000100/read/public.orders/{\"id\":1}"
    }
    event "public.orders.truncate" {
      id  = "shop/00000000/0/1000200/0"
      key = null
    }
  }
}
