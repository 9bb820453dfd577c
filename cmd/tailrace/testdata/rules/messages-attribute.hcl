pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    messages "shop." {
      /* ERROR "there is no attribute \"data\" in a messages" */ data = row.content
    }
    /* ERROR "a messages block needs a prefix" */ messages {
      topic = "t"
    }
  }
}
