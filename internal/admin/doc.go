// Package admin is the daemon's HTTP side: metrics, health, readiness, the API and the status page, and the client that
// `tailrace status` and `tailrace wait` use. Calls that change state go through guard.go; there is none yet.
package admin
