table "public.orders" {
  key     = ["id"]
  columns = { id = "int", status = "text not null", note = "text", at = "date" }
}

table "public.full" {
  key      = ["id"]
  identity = "full"
  columns  = { id = "int", note = "text" }
}

table "public.keyless" {
  columns = { n = "int" }
}

case "rows" {
  transaction {
    /* ERROR "there is no table \"public.order\": Did you mean \"public.orders\"" */ insert "public.order" {
      row = { id = 1 }
    }
    /* ERROR "an insert has row" */ insert "public.orders" {}
    insert "public.orders" {
      row = { id = 1, status = "new" }
      /* ERROR "an insert has no old" */ old = { id = 1 }
    }
    /* ERROR "status has no value, and it is not null" */ insert "public.orders" {
      row = { id = 1 }
    }
    /* ERROR "carries its old row" */ update "public.full" {
      row = { id = 1 }
    }
    /* ERROR "at cannot be unchanged" */ update "public.orders" {
      row       = { id = 1, status = "new" }
      unchanged = ["at"]
    }
    /* ERROR "has no column \"not\": Did you mean \"note\"" */ update "public.orders" {
      row       = { id = 1, status = "new" }
      unchanged = ["not"]
    }
    /* ERROR "row has a value for it" */ update "public.orders" {
      row       = { id = 1, status = "new", note = "x" }
      unchanged = ["note"]
    }
    /* ERROR "old has no value for it" */ update "public.full" {
      old       = { id = 1 }
      row       = {}
      unchanged = ["note"]
    }
    /* ERROR "Postgres refuses to update or delete" */ delete "public.keyless" {
      old = { n = 1 }
    }
    /* ERROR "id has no value" */ delete "public.orders" {
      old = { status = "new" }
    }
    update "public.orders" {
      row = /* ERROR "this is not an object" */ "paid"
    }
    update "public.orders" {
      row = { id = 1, status = /* ERROR "\"row\" is not known here" */ row.status }
    }
    /* ERROR "content is missing" */ message "shop.a" {}
  }
  transaction {
    annotations = /* ERROR "annotations is not an object" */ ["a"]
    insert "public.orders" {
      row = { id = 1, status = "new" }
    }
  }
  transaction {
    insert "public.orders" {
      row = { id = 1, status = "new" }
    }
    /* ERROR "a read is no part of a transaction" */ read "public.orders" {
      row = { id = 1, status = "new" }
    }
  }
}
