// Package eventtest runs the test cases of a user's rules: changes in, expected events out, without a server.
//
// A test file declares tables and cases. File reads it, Run sends the changes of a case through the chain that the daemon builds for a
// sink, and through the sink's encoder, and compares the events with the expected ones; Update writes what came into the file. The
// positions, times and ids of the changes are the same in every run.
package eventtest
