pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
    slot = /* ERROR "no function \"uper\": Did you mean \"upper\"" */ uper("a")
    publication = try(/* ERROR "no function \"enf\": Did you mean \"env\"" */ enf("X"), "y")
    password = /* ERROR "no function \"fil\": Did you mean \"file\"" */ fil("/run/secrets/password")
  }
  sink "stdout" "out" {}
}
