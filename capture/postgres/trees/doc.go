// Package trees watches published partition trees. What happens to a partition by TRUNCATE, ATTACH, DETACH or DROP is in no stream. A
// Watch compares the trees with a base that the sinks' records have, and warns until the operator accepts the differences.
package trees
