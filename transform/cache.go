package transform

// The types of the events that the blocks of a cache make. Their Key is a key of the cache; an event without one is about every key
// of the sink's blocks.
const (
	Invalidate = "invalidate"
	Refresh    = "refresh" // Data is the value; nil deletes the key
)
