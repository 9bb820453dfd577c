pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    snapshot {
      parallel = /* ERROR "parallel is not a number: Write a number such as 4" */ "four"
    }
  }
  sink "kafka" "k" {
    brokers = ["k"]
    create_topics {
      partitions = /* ERROR "partitions is not a whole number" */ 1.5
    }
  }
  sink "kafka" "l" {
    brokers = ["k"]
    create_topics {
      partitions = /* ERROR "partitions is not a whole number of at most 64 bits" */ 100000000000000000000
    }
  }
  sink "stdout" "out" {
    rate = /* ERROR "rate is not a number" */ true
  }
}
