// Package daemon brings files and kinds together into running pipelines, with their admin server.
package daemon
