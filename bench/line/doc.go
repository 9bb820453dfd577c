// Command line drains one WAL backlog side by side, in one run: tailrace into a real Kafka broker, and pg_recvlogical
// into /dev/null. It prints rows per second, CPU per row of the tool, its walsender and the broker, and peak memory, and
// the ratios. Machines are noisy: only the ratios of one run mean something.
//
//	go run ./bench/line -rows 1000000 -tx 1000 -runs 3
package main
