// Package admin is the daemon's HTTP side: metrics, health, readiness, the API and the status page, and the client that
// `tailrace status`, `wait` and `tail` use. Calls that change state or show values of rows go through guard.go; none changes state yet.
package admin
