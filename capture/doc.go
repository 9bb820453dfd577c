// Package capture is the vocabulary of a changing database: where a change stands (LSN, Position), what it is
// (Table, Value, Change, Batch) and who yields it (Source, Stream). It imports the standard library only; an adapter
// (capture/postgres) brings the driver.
//
// The way of one row, from the socket to the acknowledgement, in the order of the calls:
//
//	 1  postgres: stream.receive     bytes wait in the socket until many are there
//	 2  pgoutput: Decode             one message, bounds-checked, values are slices of the batch's memory
//	 3  postgres: relations.table    relation id -> *Table, one pointer per shape
//	 4  postgres: assembler.add      into the batch at hand, cut at 256 KiB or at a commit
//	 5  Stream.Next                  the batch leaves the socket's goroutine
//	 6  pipeline: window.append      waits for room, in bytes
//	 7  pipeline: window.read        each sink at its own pace
//	 8  transform: Chain.Apply       a change becomes events
//	 9  sink: Writer.Write           accepted: the batch's memory may go
//	10  sink: Lane.Held              durable in the sink, with its position
//	11  pipeline: confirm            the smallest held position of all sinks
//	12  Stream.Confirm               the next status update carries it as flush
package capture
