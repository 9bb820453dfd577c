# A reporting service reads two other services' tables in its own database, each in its own schema:
#
#   shop-db/shop          public.orders, public.order_lines  ──►  reporting-db/reporting  shop.*
#   billing-db/billing    public.invoices                    ──►  reporting-db/reporting  billing.*
#
# Tables and types are created when absent. Compare them with their sources whenever you like:
#
#   tailrace verify examples/replica

connection "postgres" "reporting" {
  url      = "postgres://tailrace@${env("REPORTING_HOST", "reporting-db")}/reporting?sslmode=verify-full&sslrootcert=/etc/tailrace/ca/db.pem"
  password = file("/run/secrets/tailrace/reporting-password")
}

pipeline "shop" {
  source "postgres" {
    url      = "postgres://tailrace@${env("SHOP_HOST", "shop-db")}/shop?sslmode=verify-full&sslrootcert=/etc/tailrace/ca/db.pem"
    password = file("/run/secrets/tailrace/shop-password")

    table "public.orders" {
      columns = ["id", "customer_id", "status", "total", "placed_at"] # not the customer's address
    }
    table "public.order_lines" {}
  }

  sink "postgres" "reporting" {
    connection       = "reporting"
    schema           = "shop"
    on_schema_change = "add_columns"
  }
}

pipeline "billing" {
  source "postgres" {
    url      = "postgres://tailrace@${env("BILLING_HOST", "billing-db")}/billing?sslmode=verify-full&sslrootcert=/etc/tailrace/ca/db.pem"
    password = file("/run/secrets/tailrace/billing-password")
    tables   = ["public.invoices"]
  }

  # Invoices stay in the reports even if billing deletes them.
  sink "postgres" "reporting" {
    connection       = "reporting"
    schema           = "billing"
    on_schema_change = "add_columns"
    deletes          = "keep"
    truncate         = "ignore"
  }
}
