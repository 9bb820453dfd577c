package transform

import "github.com/tailrace/tailrace/capture"

// RowMask masks a change of a pipeline before anything of it is buffered, logged or parked, and before any sink gets it. It is called
// once for each change of the stream, and of the copies of rows for sinks that join, in their order and by one goroutine at a time.
//
// The change belongs to it for the duration of the call: it replaces values in Before and After in place, and may replace Table by a
// shape that describes them. It does not write into the bytes of a value, which other values share. A *capture.Problem as an
// error halts the pipeline, or the sink that joins, by its name.
type RowMask func(c *capture.Change) error
