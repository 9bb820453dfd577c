pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    mask "public.customers" {
      columns = { email = /* ERROR "not enough function arguments" */ hmac(row.email), country = substr(row.county, 0, 1), visits = row.visits + /* ERROR "arithmetic needs numbers" */ "1" }
    }
  }
}
