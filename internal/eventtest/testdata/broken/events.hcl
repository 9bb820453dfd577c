table "public.orders" {
  key     = ["id"]
  columns = { id = "int" }
}

case "one" {
  transaction {}
  expect "bus" {
    event "A" {
      headers = /* ERROR "headers is not an object" */ ["a"]
    }
    event "B" {
      data = { id = /* ERROR "there is no local.id" */ local.id }
    }
  }
  /* ERROR "an event is rejected, or the sink halts" */ expect "other" {
    rejected = "a"
    halted   = "b"
  }
  expect "third" {
    event "C" {
      /* ERROR "there is no attribute \"topc\"" */ topc = "x"
    }
  }
}

/* ERROR "two cases \"one\"" */ case "one" {
  /* ERROR "there is no block \"transacton\" in a case: Did you mean \"transaction\"" */ transacton {}
}
