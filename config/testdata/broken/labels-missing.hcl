/* ERROR "the pipeline block needs a name: Write pipeline \"name\"" */ pipeline {}
/* ERROR "the connection block needs a name: Write connection \"kind\" \"name\"" */ connection "kafka" {}
pipeline "p" {
  /* ERROR "the source block needs a kind" */ source {}
  /* ERROR "the sink block needs a name" */ sink "kafka" {}
}
