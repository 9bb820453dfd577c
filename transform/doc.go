// Package transform turns changes into events. Each transforming block of the configuration language is a Func; the Funcs of a
// sink, in the order of the file, are its Chain. There is no interface to implement.
package transform
