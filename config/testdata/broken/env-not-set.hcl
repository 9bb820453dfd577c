pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = env(/* ERROR "the environment variable \"NOT_SET\" is not set: Set it, or give a default" */ "NOT_SET")
    publication = "x${env(/* ERROR "the environment variable \"NOT_SET_EITHER\" is not set" */ "NOT_SET_EITHER")}"
    password = file(/* ERROR "the file \"/nowhere\" cannot be read: no such file" */ "/nowhere")
  }
  sink "stdout" "out" {}
}
