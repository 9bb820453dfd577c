pipeline "p" {
  /* ERROR "no block \"sorce\" in a pipeline: Did you mean \"source\"" */ sorce "postgres" {}
  /* ERROR "no block \"sinks\" in a pipeline: Did you mean \"sink\"" */ sinks "stdout" "out" {}
}
