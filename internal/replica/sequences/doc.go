// Package sequences makes a replica able to count on by itself: a stream carries the numbers that rows got, not the
// sequences that they came from.
package sequences
