pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    outbox {
      /* ERROR "\"outbox\" is not schema\\.table.*Write the schema as well, such as \"public" */ table = "outbox"
      data = row.payload
    }
    outbox {
      table = "public.outbux"
      data = row.payload
    }
  }
}
