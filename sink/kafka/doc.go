// Package kafka writes events to Kafka. Sarama opens connections, logs in, and encodes all requests but one: produce
// requests are encoded, compressed and sent by this package and by package wire (decision 13). Order, batching, retries and
// rewinding are here, because a lane has them already.
//
// The steps of a record:
//
//	Writer.Write               event by event, on the goroutine of the lane
//	Writer.topicOf             its topic, described on first use and named in the progress record before anything is written
//	format.Encoder             key, value and headers, into memory of our own
//	Writer.stage               its partition: murmur2 of the key; the record joins the open batch
//	Writer.handOver            open batches join the queues of their partitions; waits for room
//	sender.collectLocked       the batches of one request to one broker, which get their sequence numbers
//	sender.step                encodes the request, compresses its batches and sends it; up to five are in flight
//	request.handleResponse     each batch is stored, or is sent again, or the Writer fails
//	Writer.advanceLocked       everything up to a position is stored on all partitions
//	Writer.commitLocked        the progress record with that position is sent as a batch of its own
//	Writer.commitStoredLocked  it is stored, and the position is durable: Lane.OnDurable
//
// Batches are idempotent and not transactional. The producer id belongs to a transactional id, so that the next Open can
// fence this Writer; see package fencing. Package progress has the record that Open finds, package topics what the cluster
// says of topics.
package kafka
