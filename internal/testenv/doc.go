// Package testenv starts and stops real servers for tests, benchmarks and the demo: Postgres, Kafka, Redis, and a proxy
// that makes the network fail. It works as root and as a normal user, in parallel, on ports that nobody else takes. Every
// server lives in a folder of its own and ends with its test, also when the test binary is killed.
//
// What has to be downloaded is kept in CacheDir and shared by all test binaries; `make test-deps` fetches it ahead.
package testenv
