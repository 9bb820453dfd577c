// Package ports hands out TCP ports on 127.0.0.1 that no other test process takes, even while nothing listens on them.
package ports
