table "public.orders" {
  key      = ["id"]
  identity = "full"
  columns = {
    id     = "bigint"
    status = "text not null"
    total  = "numeric(10,2)"
    tenant = "int4"
    note   = "text"
  }
}

table "public.customers" {
  key     = ["id"]
  columns = { id = "bigint", email = "text", tags = "text[]" }
}

table "public.outbox" {
  key     = ["id"]
  columns = { id = "uuid", kind = "text not null", key = "text", type = "text", payload = "jsonb" }
}
