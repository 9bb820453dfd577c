// Package messages is the messages block: what the application writes into its transaction with pg_logical_emit_message becomes an
// event, without a table.
package messages
