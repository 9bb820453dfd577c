package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// maxAnnotations limits the annotations of a transaction, in bytes: the changes that they belong to keep them in memory.
const maxAnnotations = 64 << 10

// member is one member of a JSON object.
type member struct {
	key  string
	text []byte // `"key":value`, compact
}

// merge returns a JSON object with the members of both: those of content replace those of was, which is an earlier result or nil. The
// error tells why content is no annotation.
func merge(was, content []byte) ([]byte, error) {
	var all []member
	at := map[string]int{} // by key
	for _, object := range [][]byte{was, content} {
		if object == nil {
			continue
		}
		added, err := members(object)
		if err != nil {
			return nil, err
		}
		for _, m := range added {
			if i, twice := at[m.key]; twice {
				all[i] = m
				continue
			}
			at[m.key] = len(all)
			all = append(all, m)
		}
	}
	merged := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			merged = append(merged, ',')
		}
		merged = append(merged, m.text...)
	}
	if merged = append(merged, '}'); len(merged) > maxAnnotations {
		return nil, fmt.Errorf("the annotations of a transaction have at most %d bytes, not %d", maxAnnotations, len(merged))
	}
	return slices.Clip(merged), nil
}

// members returns the members of a JSON object in their order.
func members(object []byte) ([]member, error) {
	if len(object) > maxAnnotations {
		return nil, fmt.Errorf("an annotation has at most %d bytes, not %d", maxAnnotations, len(object))
	}
	if !utf8.Valid(object) {
		return nil, errors.New("it is not UTF-8")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, object); err != nil {
		return nil, errors.New("it is not JSON")
	}
	text := compact.Bytes()
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	in := json.NewDecoder(bytes.NewReader(text))
	if _, err := in.Token(); err != nil { // the brace
		return nil, errors.New("it is not JSON")
	}
	var all []member
	for in.More() {
		start := in.InputOffset()
		if text[start] == ',' {
			start++
		}
		key, err := in.Token()
		var value json.RawMessage
		if err == nil {
			err = in.Decode(&value)
		}
		name, is := key.(string)
		if err != nil || !is {
			return nil, errors.New("it is not JSON")
		}
		all = append(all, member{key: name, text: text[start:in.InputOffset()]})
	}
	return all, nil
}
