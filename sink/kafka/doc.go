// Package kafka writes events to Kafka, with sarama at the level of its Broker and RecordBatch: sarama keeps
// connections, logins and the protocol; order, batching, repetition and rewinding are here, because a lane has them
// already.
//
// The way of a record:
//
//	Writer.Write     event by event, on the lane's goroutine
//	Writer.topicOf   its topic, described on first use and named in the progress record before anything is written to it
//	format.Encoder   key, value and headers, into memory of our own
//	Writer.stage     its partition: murmur2 of the key
//	Writer.handOver  a stage of batches goes to its partitions' queues, under the Writer's lock; waits for room
//	link.collect     what one request to one broker carries, with sequence numbers
//	link.step        sarama encodes, compresses and sends it; up to five are on their way
//	request.answered sarama's goroutine: stored, or again, or the Writer fails
//	Writer.settle    everything up to a position is stored on all partitions
//	Writer.note      the progress record of that position goes the same way as any batch
//	Writer.noted     stored too: Lane.Held
//
// Batches are idempotent and not transactional. The producer id belongs to a transactional id, so that whoever opens the
// sink next can fence us; see fencing.
package kafka
