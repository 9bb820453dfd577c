pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    messages "shop." {
      key   = /* ERROR "shop\\. has no column id" */ row.id
      topic = "t.${old.content}"
    }
  }
}
