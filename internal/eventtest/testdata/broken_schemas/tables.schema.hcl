type "public.mood" { # ERROR "a type has labels, a base, fields or a storage"
  labels  = ["a"]
  storage = "plain"
}

type "public.ltree" {
  storage = "main" # ERROR "storage is .main.*extended"
}

/* ERROR "there is no type .public.mod." */ type "public.later" {
  base = "public.mod"
}

table "public.orders" {
  key = ["ide"]
  columns = {
    id = "int8"
    /* ERROR "there are two columns .id." */ id = "int4"
  }
}

table "public.lines" {
  identity = /* ERROR "not a replica identity.*nothing" */ "none"
  columns = {
    id     = "int8"
    amount = "numeric(5,x)" # ERROR "is not a type"
    short  = "varchar(-1)"
  }
}

table "public.notes" {
  colums = { # ERROR "there is no attribute .colums."
    id = "int8"
  }
}

/* ERROR "there is no block .case." */ case "an order" {}
