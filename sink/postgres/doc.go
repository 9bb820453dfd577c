// Package postgres keeps the tables of another database equal to the source's: a replica, exactly once and byte for byte.
//
// The rows of a group of source transactions and the position after them are written in one target transaction, so a crash
// at any point leaves both or neither. Writer.Write copies changes into a queue (package queue), and the worker applies
// what has arrived meanwhile: one transaction when it is idle, many when it is behind. It combines the changes to each key
// (package dml), finds, creates or alters the tables (package target), writes in bulk, and applies a group with a conflict
// change by change. docs/architecture.md lists the steps.
//
// A source transaction is never visible in part: a group ends at a commit, and a transaction that is larger than memory is
// applied in pieces within one target transaction. An initial copy is one source transaction, too.
package postgres
