pipeline "p" {
  /* ERROR "url is missing: A source block needs the attribute \"url\"" */ source "postgres" {
    tables = ["public.t"]
  }
  /* ERROR "brokers is missing" */ sink "kafka" "k" {}
}
