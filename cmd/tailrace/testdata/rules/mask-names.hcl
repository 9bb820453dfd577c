pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    /* ERROR "\"customers\" is not schema\\.table.*Write the schema as well, such as \"public" */ mask "customers" {
      columns = { email = null }
    }
    /* ERROR "columns is missing" */ mask "public.customers" {
      columns = null
    }
    /* ERROR "a mask block needs a table" */ mask {
      columns = { email = null }
    }
  }
}
