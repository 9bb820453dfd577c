// Package admin is the daemon's HTTP side: metrics, health, readiness, the API and the status page, and the client that
// `tailrace status` and `tailrace wait` use. Nothing here changes anything.
package admin
