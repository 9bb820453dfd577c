// Package format defines how events become records of a sink: an Encoder appends the key, the value and the headers of an
// event to a Buffer. The formats are in folders of their own; formats.New has them by name.
//
// An event whose data no block has set, by format:
//
//	json         {"op","schema","table","row","old","unchanged","lsn","seq","xid","time"}
//	cloudevents  {"op","row","old","unchanged"}, the rest in headers (CloudEvents 1.0, binary mode)
//	line         as json
//	raw          none: the event is rejected
//
// There is an old where the replica identity sends something of the old row, and an unchanged where TOASTed columns were
// not sent. row is null for a delete and a truncate. A row of a snapshot has the LSN of the snapshot, a null xid and the
// time at which the snapshot started. Package jsonvalue converts the values.
//
// An event whose data a block has set carries that data: in cloudevents and raw it is the value, byte for byte; in json and line
// "type", "id", "key" (a string, where the block has set a key) and "data" replace row, old and unchanged. Data that is not JSON
// becomes a string there, or "data_base64" where it is not UTF-8 either. raw has the headers that a block has set and no others.
//
// A null value is a tombstone: data that a block has set to null, and with Options.Tombstones a second record after each
// plain delete. That second record has no headers: it is not an event, and would repeat the id of one. The format line has
// no tombstones.
package format
