pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "postgres" "copy" {
    url = "postgres://h/db"
    /* ERROR "there is no block \"event\" in a sink: It belongs in a sink block of type \"kafka\" or \"stdout\"" */ event "A" {
      table = "public.orders"
      data  = 1
    }
  }
}
