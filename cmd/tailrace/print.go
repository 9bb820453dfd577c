package main

import "github.com/tailrace/tailrace/config"

// printAll writes all problems, errors and warnings, to standard error.
func printAll(a *app, r *config.Report) { r.Write(a.err) }
