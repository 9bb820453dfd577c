// Package envelope compiles the attributes around the payload of an event that blocks have in common: key, id, type, topic, partition,
// subject and headers.
package envelope
