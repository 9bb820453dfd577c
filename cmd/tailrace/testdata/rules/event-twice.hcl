pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "Paid" {
      table = "public.orders"
      data  = 1
    }
    filter "public.orders" {
      when = op != "delete"
    }
    event /* ERROR "there are two blocks event \"Paid\" in this sink" */ "Paid" {
      table = "public.orders"
      data  = 2
    }
  }
}
