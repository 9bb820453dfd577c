// Package indexes gives a replica the secondary indexes of its source, on request: a stream carries only rows, and the queries of
// a replica may need other indexes, or none.
package indexes
