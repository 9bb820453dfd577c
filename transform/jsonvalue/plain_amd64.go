package jsonvalue

// plainVectors returns how many bytes at the start of text need no escaping in a JSON string: all up to the first one that needs
// it, or all in whole vectors of 16 bytes. With flip 0 it also stops at bytes that are not ASCII, with flip 0x80 it does not.
//
//go:noescape
func plainVectors(text []byte, flip byte) int
