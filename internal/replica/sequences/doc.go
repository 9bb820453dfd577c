// Package sequences advances the sequences of a replica: a stream carries the numbers that rows got, but not the sequences that
// they came from.
package sequences
