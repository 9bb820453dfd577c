// Package topics administers the topics of a Kafka cluster: it describes them, creates missing ones, reads their settings,
// and asks the leaders of their partitions.
//
// A Topic is what the cluster has said of a topic. Describe and Existing return Topics, and AskLeaders keeps the leaders in
// one up to date. An Admin creates topics as the settings of a sink permit: Ensure is for those that are about to be written
// to. What cannot be done is a *capture.Problem with a fix: Missing, Offline.
package topics
