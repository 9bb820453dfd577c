package jsonvalue_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

func BenchmarkValues(b *testing.B) {
	for _, v := range []struct {
		name string
		typ  *capture.Type
		text string
	}{
		{"text", of(capture.KindText), "a note of the customer, forty bytes long"},
		{"text_utf8", of(capture.KindText), "Grüße aus Köln, über die Straße, größer!"},
		{"int", of(capture.KindInt), "1234567"},
		{"timestamptz", of(capture.KindTimestampTZ), "2026-11-23 10:00:00.123456+00"},
		{"interval", of(capture.KindInterval), "1 year 2 mons 3 days 04:05:06.789"},
		{"jsonb", of(capture.KindJSON), `{"a": [1, 2.5, null, true], "name": "a note of the customer", "nested": {"k": "v \" w"}}`},
		{"bytea_64KiB", of(capture.KindBytes), `\x` + strings.Repeat("00ff", 32<<10)},
		{"array", arrayOf(of(capture.KindText)), `{one,"two words",NULL,"q\"q"}`},
		{"composite", nested, `("(1,""a """"b"""" \\\\"",""{x}"")","{""k"": ""v""}","""a""=>""1""")`},
	} {
		b.Run(v.name, func(b *testing.B) {
			appender := jsonvalue.New(false).Appender(v.typ)
			text := []byte(v.text)
			var dst []byte
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				dst = appender(dst[:0], text)
			}
		})
	}
}
