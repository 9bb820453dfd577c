// Package capture defines the changes of a database: the position of a change (LSN, Position), the change itself (Table,
// Value, Change, Batch) and where changes come from (Source, Stream). abilities.go has the optional abilities of a Source
// or a Stream. The package imports the standard library only; an adapter (capture/postgres) imports the driver.
//
// docs/architecture.md follows one row from the socket to its acknowledgement.
package capture
