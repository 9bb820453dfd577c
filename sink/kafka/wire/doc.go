// Package wire is the produce request as it stands on Kafka's wire: records are encoded once, when they are added, into
// memory that is used again when they are stored. What depends on their place in a batch is added as the request is
// written. docs/decisions/0013 says why this is not left to the client.
package wire
