// Package wire encodes produce requests in the format of Kafka's protocol: records are encoded once, when they are added, into
// memory that is used again when they are stored. What depends on their place in a batch is added as the request is
// written. docs/decisions/0013 explains why the client library does not do this.
package wire
