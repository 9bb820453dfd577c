// Package testenv starts and stops real servers for tests, benchmarks and the demo: Postgres, Kafka, Redis, and a proxy
// that makes the network fail. It works as root and as a normal user, in parallel, on ports that no other process takes. Every
// server has a folder of its own and ends with its test, also when the test binary is killed. In tests on Linux the folders
// are in /dev/shm, unless TMPDIR is set or less than 8 GiB of memory are free.
//
// Package install keeps downloads and shares them among all test binaries; `make test-deps` fetches them in advance.
package testenv
