pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    /* ERROR "\"Order Paid\" is not the name of an event" */ event "Order Paid" {
      table = "public.orders"
      data  = 1
    }
    /* ERROR "an event cannot have the name \"ins\"" */ event "ins" {
      table = "public.orders"
      data  = 1
    }
  }
}
