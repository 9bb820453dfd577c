// Package indexes creates the secondary indexes of a source in its replica, on request: a stream carries only rows, and the
// queries of a replica may need other indexes, or none.
package indexes
