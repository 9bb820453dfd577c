package cache

import "encoding/json"

// Codec turns values into what Redis stores, and back. Any goroutine may use it.
type Codec interface {
	Marshal(v any) ([]byte, error)
	// Unmarshal sets what v points to. The data is the callee's.
	Unmarshal(data []byte, v any) error
}

// JSON is the Codec of encoding/json.
type JSON struct{}

// Marshal returns v as JSON.
func (JSON) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

// Unmarshal reads JSON.
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
