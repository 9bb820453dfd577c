// Package stdout is a sink that prints one JSON object per line to the standard output, for inspection and for pipes. It keeps no
// progress record: it starts from the slot's confirmed position, so some lines may be repeated after a restart.
package stdout
