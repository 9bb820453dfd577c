// Package cachekey is the keys of a cache that a row stands for: templates such as "order:${row.id}", which are expanded on the old
// and on the new row of a change.
//
// The old row of an update or a delete has only what the replica identity carries. A template that reads another column is refused
// when it is compiled, since the old key would not be known. Where an update has no old row, the columns of the replica identity did
// not change, and the old keys are the new ones.
package cachekey
