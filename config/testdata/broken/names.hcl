pipeline /* ERROR "\"my pipeline\" is not a name: A name has letters" */ "my pipeline" {
  enabled = false
}
pipeline /* ERROR "\"1st\" is not a name: .*begins with a letter" */ "1st" {
  enabled = false
}
pipeline /* ERROR "\"\" is not a name" */ "" {
  enabled = false
}
pipeline /* ERROR "is not a name: .*at most 40 characters" */ "a2345678901234567890123456789012345678901" {
  enabled = false
}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" /* ERROR "\"out.put\" is not a name" */ "out.put" {}
}
