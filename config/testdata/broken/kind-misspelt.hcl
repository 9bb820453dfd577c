pipeline "p" {
  source /* ERROR "unknown source type \"postgers\": Did you mean \"postgres\"" */ "postgers" {}
  sink /* ERROR "unknown sink type \"kafak\": Did you mean \"kafka\"" */ "kafak" "k" {}
  sink /* ERROR "unknown sink type \"mysql\": Valid names: \"kafka\" or \"stdout\"" */ "mysql" "m" {}
}
