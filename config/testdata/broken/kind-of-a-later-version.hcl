pipeline "p" {
  source /* ERROR "source \"kafka\" is not supported by this version" */ "kafka" {}
  sink "kafka" "bus" { brokers = ["k:9092"] }
}
