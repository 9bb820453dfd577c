// Package transform turns changes into events. A block of the language that does so is a Func, a sink's Funcs in the
// order of the file are its Chain. There is no interface to implement.
package transform
