pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    mask "public.customers" {
      columns = {
        /* ERROR "table public.customers has no column \"emial\": Did you mean \"email\"" */ emial = null
        id      = /* ERROR "column \"id\" is part of the key" */ 7
        vip     = /* ERROR "this is no value of column \"vip\", whose type is bool" */ "yes"
        visits  = /* ERROR "this is no value of column \"visits\", whose type is int4" */ "many"
        avatar  = /* ERROR "column \"avatar\" of type bytea can only be masked with null" */ "x"
        country = /* ERROR "an update may leave \"email\" of public.customers out" */ row.email
      }
    }
    mask "public.orders_full" {
      columns = { id = /* ERROR "column \"id\" is part of the key" */ null }
    }
  }
}
