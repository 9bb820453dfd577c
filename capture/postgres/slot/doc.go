// Package slot reads, validates, creates and drops the replication slot of a source, and reads what the server knows about
// its own history: its timelines, its commits and the end of its WAL.
package slot
