// Package snapshot copies the rows of all published tables under an exported snapshot of the server, as one virtual
// transaction of batches.
package snapshot
