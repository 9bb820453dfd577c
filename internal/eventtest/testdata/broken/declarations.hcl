/* ERROR "labels, a base, fields or a storage" */ type "mood" {
  labels = ["happy"]
  base   = "text"
}

/* ERROR "labels, a base, fields or a storage" */ type "empty" {}

/* ERROR "already a type" */ type "text" {
  labels = ["a"]
}

/* ERROR "there is no type \"txt\": Did you mean \"text\"" */ type "short" {
  base = "txt"
}

type "address" {
  fields = { street = /* ERROR "no type \"strng\"" */ "strng" }
}

table "public.orders" {
  key = ["id"]
  columns = {
    id     = "bigint"
    status = /* ERROR "there is no type \"numric\": Did you mean \"numeric\"" */ "numric(10,2)"
  }
}

table "public.a" {
  columns = { id = "int", /* ERROR "two columns \"id\"" */ id = "text" }
}

/* ERROR "has no column \"ie\": Did you mean \"id\"" */ table "public.b" {
  key     = ["ie"]
  columns = { id = "int" }
}

table "public.c" {
  identity = /* ERROR "not a replica identity" */ "none"
  columns  = { id = "int" }
}

/* ERROR "is not schema.table" */ table "orders" {
  columns = { id = "int" }
}

/* ERROR "columns is missing" */ table "public.d" {}

table "public.e" {
  columns = /* ERROR "expected an object" */ ["id"]
}

table "public.f" {
  columns = { id = /* ERROR "int4 does not take 1 arguments" */ "int(3)" }
}

table "public.g" {
  colums  = {} # ERROR "there is no attribute \"colums\"" 
  columns = { id = "int" }
}
