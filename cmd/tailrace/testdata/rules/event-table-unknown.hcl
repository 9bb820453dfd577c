pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.*"]
  }
  sink "stdout" "out" {
    event "A" {
      /* ERROR "the source publishes no table \"public.odrers\": Did you mean \"public.orders\"" */ table = ["public.odrers", "public.orders_full"]
      when  = op == "insert"
      data  = 1
    }
    event "B" {
      /* ERROR "the source publishes no table \"archive\\.\\*\"" */ table = ["archive.*"]
      data  = 1
    }
  }
}
