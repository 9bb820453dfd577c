// Package transform turns changes into events. Each transforming block of the configuration language gives a Func; those of a
// pipeline and of a sink, in the order of the file, are the steps of the sink's Chain. There is no interface to implement.
package transform
