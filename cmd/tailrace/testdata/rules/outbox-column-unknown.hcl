pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    outbox {
      table = "public.outbox"
      id    = /* ERROR "public\\.outbox has no column uuid.*Did you mean \"row\\.id\"" */ row.uuid
      topic = "t.${/* ERROR "public\\.outbox has no column aggregate" */ row.aggregate}"
      key   = /* ERROR "public\\.outbox has no column aggregateid.*Did you mean \"row\\.aggregate_id\"" */ row.aggregateid
      type  = /* ERROR "public\\.outbox has no column typ.*Did you mean \"row\\.type\"" */ row.typ
      headers = { traceparent = /* ERROR "public\\.outbox has no column traces.*Did you mean \"row\\.trace\"" */ row.traces }
      data  = /* ERROR "public\\.outbox has no column payloads.*Did you mean \"row\\.payload\"" */ row.payloads
    }
  }
}
