# A cache of orders in Redis (orders.sql): a commit deletes the keys of the rows that it changes. README.md walks through it.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop REDIS_URL=redis://localhost:6379 tailrace run examples/cache

daemon {
  listen = env("LISTEN", "127.0.0.1:9187")
}

pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders", "public.products"]
  }

  sink "redis" "cache" {
    url           = env("REDIS_URL", "redis://127.0.0.1:6379")
    plain_fillers = env("PLAIN_FILLERS", "false") == "true" # services that GET and SET without the protocol

    invalidate "public.orders" {
      keys = ["order:${row.id}", "customer:${row.customer_id}:orders"] # of the old and of the new row
    }

    refresh "public.products" { # the daemon stores the value itself
      key   = "product:${row.sku}"
      value = { sku = row.sku, title = row.title, price = row.price }
      ttl   = "24h"
    }
  }
}
