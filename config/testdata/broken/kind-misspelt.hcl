pipeline "p" {
  source /* ERROR "no kind of source \"postgers\": Did you mean \"postgres\"" */ "postgers" {}
  sink /* ERROR "no kind of sink \"kafak\": Did you mean \"kafka\"" */ "kafak" "k" {}
  sink /* ERROR "no kind of sink \"mysql\": What can stand here: \"kafka\" or \"stdout\"" */ "mysql" "m" {}
}
