package pgconnect

// XIDPrecedes reports whether a transaction id is older than another one, as Postgres compares them: of two that are less
// than 2^31 transactions apart.
func XIDPrecedes(a, b uint32) bool { return int32(a-b) < 0 }
