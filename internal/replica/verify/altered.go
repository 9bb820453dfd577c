package verify

// Alterer is implemented by the settings of steps that change or drop rows on their way to a replica, and know of which tables. A step
// without it may do that to any table. A table whose rows are altered can be neither compared with its source nor repaired from it: a
// repair would copy what a mask hides.
type Alterer interface {
	// Alters reports whether the step may change or drop rows of a table.
	Alters(schema, table string) bool
}
