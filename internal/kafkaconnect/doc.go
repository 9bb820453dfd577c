// Package kafkaconnect connects to a Kafka cluster: what every client of ours needs, whether it writes or reads. Sarama
// dials, logs in and speaks the protocol.
//
// A Cluster asks brokers, the controller and a transaction coordinator. A Conn is one connection, which can be cut at
// any moment. TLSSettings and SASLSettings are the blocks of a pipeline file. The errors of a connection are states: a
// *capture.Problem with a fix. A request is repeated after an answer that IsTransient, and a Pause.
package kafkaconnect
