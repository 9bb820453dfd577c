// Package sequences advances the sequences of a replica: a stream carries the numbers in the rows, but not the sequences that
// generated them.
package sequences
