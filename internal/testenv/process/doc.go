// Package process runs one server as a child process: it starts it, waits until it is ready, signals it, ends it, and makes
// the kernel end it when this program is killed.
package process
