daemon {
  /* ERROR "listen is not an address: .*127.0.0.1:9187" */ listen = "localhost"
  memory = /* ERROR "memory is not a size: Write a size such as" */ "lots"
  /* ERROR "no attribute \"tokn\" in a daemon: Did you mean \"token\"" */ tokn = "x"
}
/* ERROR "two daemon blocks: The first is at .*daemon.hcl:1" */ daemon {}
pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
