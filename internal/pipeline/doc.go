// Package pipeline moves changes from a source to its sinks: the batches of a stream go into a window that is bounded in bytes,
// each sink reads the window at its own pace through its own chain of transforms, and the position that is durable in every sink
// is confirmed to the source.
//
// A Pipeline has the state, the role and the lanes. A lane is a stream with its window and its sinks, a sinkRunner the loop of
// one sink. Package startrule decides whether the sinks may continue with a stream.
//
// docs/architecture.md numbers the invariants that the code cites (I1 to I8).
package pipeline
