// Package eventview shows an event as a sink writes it: its topic, key, headers and data, by the encoder of the sink's format. It
// contacts no server.
package eventview
