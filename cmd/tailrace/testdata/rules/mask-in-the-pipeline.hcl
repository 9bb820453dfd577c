pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  mask "public.customers" {
    columns = { /* ERROR "table public\\.customers has no column \"emial\".*Did you mean \"email\"" */ emial = null, vip = /* ERROR "this is no value of column \"vip\", whose type is bool" */ "yes" }
  }
  /* ERROR "the source publishes no table \"public\\.custmers\".*Did you mean \"public\\.customers\"" */ mask "public.custmers" {
    columns = { email = null }
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      data = row.id
    }
  }
}
