pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    /* ERROR "the prefix is empty" */ messages "" {}
    messages "shop." {}
    messages /* ERROR "there are two blocks messages \"shop\\.\" in this sink" */ "shop." {}
  }
}
