pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    heartbeat = /* ERROR "heartbeat is not a duration: Write a duration such as \"30s\"" */ 30
  }
  sink "stdout" "out" {}
}
pipeline "q" {
  source "postgres" {
    url = "postgres://h/db"
    tables = ["public.t"]
    heartbeat = /* ERROR "heartbeat is not a duration: Write" */ "10 seconds"
  }
  sink "stdout" "out" {}
}
pipeline "r" {
  source "postgres" {
    url = "postgres://h/db"
    tables = ["public.t"]
    heartbeat = /* ERROR "heartbeat is not a duration: a duration is not negative" */ "-1s"
  }
  sink "stdout" "out" {}
}
