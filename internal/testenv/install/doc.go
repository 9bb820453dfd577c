// Package install downloads the programs that the servers of package testenv run and keeps them in CacheDir, shared by all
// processes. It starts no server.
package install
