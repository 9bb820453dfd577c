package config

// reserved are names that the language reserves for later versions, by the type of their block. The tags of the settings come first:
// a version that supports a name needs no change here.
var reserved = map[string]map[string]string{
	"file": {
		"view":        "It will serve aggregated documents over HTTP.",
		"history":     "It will keep the history of rows.",
		"event_store": "It will keep events.",
		"saga":        "It will span pipelines.",
		"shards":      "It will span pipelines.",
	},
	"pipeline": {
		"detach_after": "A stuck sink stops the pipeline until it works again.",
	},
	"snapshot": {
		"parallel": "Tables are copied one after the other.",
	},
	"sink": {
		"verify": "It will sample a cache and count what is stale.",
	},
	"kind of source": {"kafka": "", "postgres": ""},
	"kind of sink":   {"kafka": "", "postgres": "", "stdout": ""},
}

// unsupported returns the detail of a reserved name; ok is false for any other name.
func unsupported(scope, name string) (detail string, ok bool) {
	detail, ok = reserved[scope][name]
	return detail, ok
}
