package shape

import (
	"regexp"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
)

// printed are the forms in which Postgres prints dates and times, with the time zone UTC.
var printed = map[capture.TypeKind]*regexp.Regexp{
	capture.KindDate:        regexp.MustCompile(`\A\d{4,}-\d\d-\d\d( BC)?\z`),
	capture.KindTimestamp:   regexp.MustCompile(`\A\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?( BC)?\z`),
	capture.KindTimestampTZ: regexp.MustCompile(`\A\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00( BC)?\z`),
}

// examples are how the types are written.
var examples = map[capture.TypeKind]string{
	capture.KindDate:        `Write it as "2026-11-23", or "infinity".`,
	capture.KindTimestamp:   `Write it as "2026-11-23T10:00:00", or "infinity".`,
	capture.KindTimestampTZ: `Write it as "2026-11-23T10:00:00Z", with any offset, or "infinity".`,
}

// timeText takes the form of ISO 8601 and that of Postgres.
func timeText(typ *capture.Type, v cty.Value) (string, error) {
	if v.Type() != cty.String {
		return "", mismatch(typ, v, examples[typ.Kind])
	}
	text := v.AsString()
	if text == "infinity" || text == "-infinity" || printed[typ.Kind].MatchString(text) {
		return text, nil
	}
	switch typ.Kind {
	case capture.KindTimestampTZ:
		if t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil {
			return t.UTC().Format("2006-01-02 15:04:05.999999") + "+00", nil
		}
	case capture.KindTimestamp:
		if t, err := time.Parse("2006-01-02T15:04:05.999999999", text); err == nil {
			return t.Format("2006-01-02 15:04:05.999999"), nil
		}
	}
	return "", mismatch(typ, v, examples[typ.Kind])
}
