pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      /* ERROR "\"orders\" is not schema.table: .*public.orders" */ table = "orders"
      data  = 1
    }
    event "B" {
      /* ERROR "\"public.orders\" is named twice" */ table = ["public.orders", "public.orders"]
      data  = 1
    }
    event "C" {
      /* ERROR "the event has no table" */ table = []
      data  = 1
    }
    event "D" {
      table = /* ERROR "table is not a list of texts: Write a text such as" */ { a = 1 }
      data  = 1
    }
  }
}
