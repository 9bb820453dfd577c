// Package fencing keeps older writers out without transactions for data (decision 11).
//
// A TransactionalID names a lane to Kafka's coordinator. A Producer is an epoch that the coordinator has given for it:
// NextEpoch takes one, and Fence has partitions refuse every earlier one. A writer that goes on uses FenceInSameEpoch for
// topics that are new to it, and Renew so that the coordinator does not forget it.
package fencing
