pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.orders", "public.order_*"]
    except = ["public.order_log"]
  }
  /* ERROR "the source does not select table \"public.odrers\"" */ filter "public.odrers" {
    when = op == "insert"
  }
  sink "stdout" "out" {
    event "A" {
      /* ERROR "the source does not select table \"public.order_log\"" */ table = ["public.orders", "public.order_log", "*.other"]
      data  = 1
    }
    event "B" {
      table = "public.order_lines"
      data  = 1
    }
    /* ERROR "the source does not select table \"public.order\"" */ mask "public.order" {
      columns = { a = null }
    }
    changes {
      /* ERROR "the source does not select table \"orders.public\"" */ tables = "orders.public"
      except = "public.none"
    }
  }
}
