pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      table = "public.orders"
      when  = op == "insert"
      key   = /* ERROR "public\\.orders has no column ids.*Did you mean \"row\\.id\"" */ row.ids
      topic = "t.${/* ERROR "public\\.orders has no column statsu.*Did you mean \"row\\.status\"" */ row.statsu}"
      headers = { s = /* ERROR "public\\.orders has no column stauts.*Did you mean \"row\\.status\"" */ row.stauts }
      id      = /* ERROR "public\\.orders has no column idd.*Did you mean \"row\\.id\"" */ row.idd
      subject = /* ERROR "public\\.orders has no column totall.*Did you mean \"row\\.total\"" */ row.totall
      data    = /* ERROR "public\\.orders has no column docs.*Did you mean \"row\\.doc\"" */ row.docs
    }
  }
}
