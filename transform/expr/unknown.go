package expr

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// maxInline is how many bytes a text may have that is certainly not stored out of line: Postgres moves only values that have more than
// the 18 bytes of the pointer to them, aligned and with their header 24, so one that was moved has at least 21 bytes of text in the
// server's encoding. Four bytes of an encoding are at least three of UTF-8.
const maxInline = 15

// missingColumn marks the problem of a column that the shape lacks: try() replaces it.
type missingColumn struct{}

// valueUnknown marks the problem of a value that the log does not carry: an operand that decides the result without it makes it void.
type valueUnknown struct{}

func isMissing(d *hcl.Diagnostic) bool {
	_, is := d.Extra.(missingColumn)
	return is
}

func isLost(d *hcl.Diagnostic) bool {
	_, is := d.Extra.(valueUnknown)
	return is
}

// lost reports a value that the log does not carry.
func (c *rowCompiler) lost(at hcl.Range, summary, detail string) *eval.Node {
	d := problem(at, summary, detail)
	d.Extra = valueUnknown{}
	c.diags = append(c.diags, d)
	return nil
}

// notInIdentity reports a column of an old row that the replica identity does not have.
func (c *rowCompiler) notInIdentity(name, column string, at hcl.Range) *eval.Node {
	t, what := c.shape.Table, "an update"
	if c.shape.Op == capture.Delete {
		what = "a delete"
	}
	return c.lost(at, fmt.Sprintf("%s.%s is not known in %s", name, column, what), fmt.Sprintf(
		"The replica identity of %s has %s. ALTER TABLE %s REPLICA IDENTITY FULL makes the log carry every old value; each update and "+
			"delete then writes the whole old row to the WAL. USING INDEX instead of FULL adds the columns of a unique index. "+
			"Or narrow the rule: op == \"insert\" && ...", t, identityOf(t), qualified(t)))
}

// present reports a column whose value an update may lack, where that is not allowed.
func (c *rowCompiler) present(n *eval.Node) bool {
	if n.Column == nil || !n.Column.Unchanged {
		return true
	}
	if c.shape.Unchanged == Reject {
		n.Column.Reject = true
		return true
	}
	c.mayBeUnchanged(n.Name, n.Column.Table, n.At)
	return false
}

// mayBeUnchanged reports a column that is perhaps stored out of line.
func (c *rowCompiler) mayBeUnchanged(name string, t *capture.Table, at hcl.Range) *eval.Node {
	return c.lost(at, fmt.Sprintf("%s may be unknown in an update", name), fmt.Sprintf(
		"A value that is stored out of line (TOAST) is not in the log when an update does not change it. ALTER TABLE %s REPLICA IDENTITY "+
			"FULL makes the log carry it; each update and delete then writes the whole old row to the WAL. In data, on_unchanged = "+
			"\"omit\" leaves the attribute out, and \"reject\" rejects the event. A comparison with null, or for equality with a text "+
			"of up to %d bytes, is always known.", qualified(t), maxInline))
}

func qualified(t *capture.Table) string { return sqlName(t.Schema) + "." + sqlName(t.Name) }

// dropLost removes the problems of unknown values from index from on: the result does not depend on them.
func (c *rowCompiler) dropLost(from int) { c.drop(from, isLost) }

func (c *rowCompiler) drop(from int, is func(*hcl.Diagnostic) bool) {
	kept := c.diags[:from]
	for _, d := range c.diags[from:] {
		if !is(d) {
			kept = append(kept, d)
		}
	}
	c.diags = kept
}

// sqlName returns an identifier as SQL has it.
func sqlName(name string) string {
	plain := name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && (name[0] < '0' || name[0] > '9')
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
