// Package pgoutput decodes the messages of Postgres' built-in output plugin: the logical replication protocol, versions
// 1 to 4, with values in text form.
//
// There is one type per message, and its Decode takes the message without its kind byte:
//
//	switch kind, body := pgoutput.Kind(b[0]), b[1:]; kind {
//	case pgoutput.KindBegin:
//		err = begin.Decode(body)
//	case pgoutput.KindInsert:
//		err = row.DecodeInsert(body, slab)
//
// Between a StreamStart and a StreamStop the kinds for which Kind.Streamed is true carry a transaction id in front of their
// body: CutXID removes it, and the rest decodes as usual.
//
// A Decode returns for any input: a malformed message is an *Error that describes what is wrong and where. Every length is
// checked against the available bytes before memory is allocated for it, and bytes that are left over at the end of a
// message are an error too, because they mean that the two sides disagree about the format. After an error the fields of
// the message are undefined.
//
// Decoding a row copies nothing: the values are slices of the message, which the caller has put into the memory of the
// batch before, and the slices of values come from a Slab. Strings of the rare messages (names, gid) are copies.
package pgoutput
