// Package progress stores the progress of lanes in a topic of the cluster that they write to (decision 10).
//
// A Record is what a lane stores: its position, and what the next Open has to know. A Topic is the progress topic as one
// sink uses it: Ensure creates it, LaneName says under which name a lane is stored there, Read finds the newest record of
// a lane, Put writes one outside of a Writer, and Health warns of a topic that deletes records.
package progress
