// Package decode assembles batches of changes from the messages of a stream, and from the rows of a copy: it copies their
// bytes, finds their tables in the catalogue as it was when a row was written, and fills in unchanged values.
package decode
