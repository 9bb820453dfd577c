// Package indexes gives a replica the secondary indexes of its source, when asked: a stream carries rows only, and what a
// replica is asked for may need other indexes, or none.
package indexes
