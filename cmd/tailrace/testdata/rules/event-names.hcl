pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert" && /* ERROR "\"rov\" is not known here: Did you mean \"row\"" */ rov.id == 1
      data  = 1
    }
    event "B" {
      table = "public.orders"
      topic = "t.${table.nam}"    # ERROR "Did you mean"
      data  = 1
    }
    event "C" {
      table = "public.orders"
      data  = /* ERROR "child" */ child.id
    }
  }
}
