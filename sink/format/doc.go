// Package format says how an event looks in a sink that carries JSON: its key, its value and its headers.
//
// An event that no block dressed, in the three formats:
//
//	json         {"op","schema","table","row","old","unchanged","lsn","seq","xid","time"}
//	cloudevents  {"op","row","old","unchanged"}, the rest in headers (CloudEvents 1.0, binary mode)
//	line         as json
//
// old stands there when the replica identity gave something, unchanged when TOASTed columns were not sent. row is null
// for a delete and a truncate. A snapshot's row has the lsn of the snapshot, the xid null and the time of its start. The
// values are those of package jsonvalue.
//
// An event that a block dressed has its data instead: in cloudevents the value is the data, byte for byte; in json and
// line "type", "key" (where the block gave one, as a string) and "data" stand in place of row, old and unchanged. Data
// that is not JSON is a string there.
//
// A null value is a tombstone: dressed data that is null, and with Options.Tombstones a second record behind each plain
// delete. That one has no headers: it is no event, and would repeat the id of one. The format line has none of both.
package format
