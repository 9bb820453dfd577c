// Package preview shows what a sink would write for changes, without a server: the changes go through the masks and the chain that
// the daemon builds, and the events through the encoder of the sink's format.
package preview
