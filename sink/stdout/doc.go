// Package stdout is a sink that prints one JSON object a line to the standard output, for looking and for piping. It
// keeps no record: it takes the slot's confirmed position, and after a restart some lines may come again.
package stdout
