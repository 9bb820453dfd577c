locals {
  region = env("REGION")
}

connection "kafka" "main" {
  # Neither is set where this is checked.
  user = env("NO_HOST")
}

pipeline "p" {
  enabled = env("NO_PIPELINE", "true")
  window  = env("NO_WINDOW")

  source "postgres" {
    url      = "postgres://u@${env("NO_HOST")}/db"
    slot     = "known_${local.region}"
    password = file("/run/secrets/none")
    tables   = concat(["public.a"], split(",", env("NO_TABLES")))
    snapshot {
      mode     = env("NO_MODE")
      parallel = 1 + env("NO_COUNT")
    }
  }

  sink "kafka" "k" {
    connection = "main"
    brokers    = split(",", env("NO_BROKERS"))
    topic      = "${env("NO_PREFIX")}.${table.name}"
    delivery   = file("/run/secrets/none")
  }
}
