pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    mask "public.customers" {
      /* ERROR "there is no attribute \"column\" in a mask.*Did you mean \"columns\"" */ column  = { email = null }
      columns = { email = null }
    }
  }
}
