pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    /* ERROR "when is missing" */ filter "public.orders" {}
    /* ERROR "\"lines\" is not schema.table" */ filter "lines" {
      when = op == "insert"
    }
  }
}
