// Package conn is the connection of a replication stream below the protocol of replication: the socket and when it is read,
// the receive window and stalls, and the messages of the wire protocol. It knows no slot and no table.
package conn
