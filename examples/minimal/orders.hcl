# The smallest pipeline: every change of one table, one JSON object per line, on standard output.
#
#   DATABASE_URL=postgres://tailrace@localhost/shop tailrace run examples/minimal

pipeline "orders" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders"]
  }

  sink "stdout" "out" {}
}
