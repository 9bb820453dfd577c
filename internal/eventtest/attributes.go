package eventtest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// attribute is one attribute of an event as it is shown.
type attribute struct {
	name  string
	value any // a document
}

// matches reports whether an event is the expected one.
func (e *Expected) matches(got *preview.Event) bool {
	return e.Type == got.Type && slices.Equal(show(e.Type, e.attributes(got)), show(got.Type, e.attributesOf(got)))
}

// attributes returns the expected attributes, with the digits of an event where the numbers are equal; got may be nil.
func (e *Expected) attributes(got *preview.Event) (all []attribute) {
	for i := range e.Fields {
		f := &e.Fields[i]
		want := f.Value
		if got != nil {
			want = align(want, f.of(got))
		}
		all = append(all, attribute{f.Name, want})
	}
	return all
}

// attributesOf returns the attributes of an event that are compared.
func (e *Expected) attributesOf(got *preview.Event) (all []attribute) {
	for i := range e.Fields {
		all = append(all, attribute{e.Fields[i].Name, e.Fields[i].of(got)})
	}
	return all
}

// of returns the attribute of an event.
func (f *Field) of(e *preview.Event) any {
	switch f.Name {
	case "id":
		return textOrNull(e.ID)
	case "topic":
		return textOrNull(e.Topic)
	case "key":
		switch f.Value.(type) {
		case nil, string:
			return textOrNull(e.Key)
		}
		return textOrDocument(e.Key)
	case "headers":
		return f.headers(e)
	case "value":
		return f.text(e.Value)
	}
	return f.text(e.Data)
}

// text returns the document of a text, or the text itself where that is expected.
func (f *Field) text(got []byte) any {
	if want, is := f.Value.(string); is && got != nil && want == string(got) {
		return want
	}
	return textOrDocument(got)
}

// headers returns the headers that the blocks have set, and those of the format that are expected.
func (f *Field) headers(e *preview.Event) any {
	want, _ := f.Value.(map[string]any)
	all := map[string]any{}
	for name := range want {
		all[name] = nil
	}
	for _, h := range e.Headers {
		if _, named := want[h.Name]; named || h.Given {
			all[h.Name] = textOrNull(h.Value)
		}
	}
	return all
}

// headerTexts turns the scalars of expected headers into the texts that headers have.
func headerTexts(doc map[string]any) map[string]any {
	all := map[string]any{}
	for name, v := range doc {
		switch v := v.(type) {
		case json.Number:
			all[name] = string(v)
		case bool:
			all[name] = fmt.Sprint(v)
		default:
			all[name] = v
		}
	}
	return all
}

// written returns the attributes of an event that -update writes.
func (s *SinkResult) written(e *preview.Event) (all []attribute) {
	if s.preview.HasTopics() {
		all = append(all, attribute{"topic", textOrNull(e.Topic)})
	}
	if s.preview.HasRecords() {
		all = append(all, attribute{"key", keyValue(e)})
		if headers := (&Field{Name: "headers"}).headers(e).(map[string]any); len(headers) > 0 {
			all = append(all, attribute{"headers", headers})
		}
	}
	return append(all, attribute{"data", textOrDocument(e.Data)})
}

// keyValue returns the key of an event: the object of key columns of a plain change, else a text.
func keyValue(e *preview.Event) any {
	if object, is := textOrDocument(e.Key).(map[string]any); is {
		return object
	}
	return textOrNull(e.Key)
}
