// Package joined follows the tables that join a publication after its slot was created. The stream has their changes from then
// on; rows that were written before are in no stream and in no copy. A Watch lists these tables in the sinks' records, or in
// the publication's comment, checks whether such rows exist, and warns until the operator accepts it.
package joined
