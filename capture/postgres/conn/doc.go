// Package conn implements the connection of a replication stream below the replication protocol: the socket and when it is
// read, the receive window and stalls, and the messages of the wire protocol. It has no notion of slots and tables.
package conn
