pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    mask "public.customers" {
      columns = /* ERROR "columns is not an object" */ ["email"]
    }
    mask "public.orders" {
      columns = /* ERROR "the block masks no column" */ {}
    }
    mask "public.orders_full" {
      columns = { status = null, /* ERROR "column \"status\" is masked twice" */ status = "x" }
    }
    mask "public.orders_status" {
      columns = { doc = /* ERROR "a mask does not know \"old\"" */ old.doc, total = /* ERROR "a mask does not know \"tx\"" */ tx.xid }
    }
  }
}
