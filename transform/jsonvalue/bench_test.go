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

// A value is converted to JSON without an allocation once the buffer is large enough.
func TestNothingIsAllocated(t *testing.T) {
	for name, v := range map[string]struct {
		typ  *capture.Type
		text string
	}{
		"text":        {of(capture.KindText), "Grüße \"aus\" Köln"},
		"int":         {of(capture.KindInt), "1234567"},
		"numeric":     {of(capture.KindNumeric), "1234.50"},
		"bool":        {of(capture.KindBool), "t"},
		"date":        {of(capture.KindDate), "2026-11-23"},
		"timestamptz": {of(capture.KindTimestampTZ), "2026-11-23 10:00:00.123456+00"},
		"interval":    {of(capture.KindInterval), "1 year 2 mons 3 days 04:05:06.789"},
		"jsonb":       {of(capture.KindJSON), `{"a": [1, 2.5, null, true]}`},
		"bytea":       {of(capture.KindBytes), `\x00ff`},
		"array":       {arrayOf(of(capture.KindText)), `{one,"two words",NULL,"q\"q"}`},
	} {
		appender, text := jsonvalue.New(false).Appender(v.typ), []byte(v.text)
		var dst []byte
		if n := testing.AllocsPerRun(100, func() { dst = appender(dst[:0], text) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkValuesLargeText converts a text of 100 KB in which nothing is escaped.
func BenchmarkValuesLargeText(b *testing.B) {
	text := []byte(strings.Repeat("c4ca4238a0b923820dcc509a6f75849b", 3125))
	dst := make([]byte, 0, 2*len(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = jsonvalue.AppendString(dst[:0], text)
	}
}
