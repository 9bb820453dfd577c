/* ERROR "the pipeline \"p\" has no source: A pipeline has exactly one" "the pipeline \"p\" has no sink: A pipeline has at least one" */ pipeline "p" {
}
