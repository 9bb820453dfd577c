package decode

// freshTable is a table that the server has described, and whose row comes next.
type freshTable struct {
	oid  uint32
	name string
}

// rowOf is called for the first row after tables were described. The server describes the table that has the row, and the root under whose
// name it publishes it, if they were not described yet.
func (a *Assembler) rowOf(root uint32) {
	for _, f := range a.fresh {
		if f.oid != root && a.options.Trees != nil {
			a.options.Trees.Filled(root, f.oid, f.name)
		}
	}
	a.fresh = a.fresh[:0]
}
