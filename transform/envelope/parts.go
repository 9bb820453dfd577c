package envelope

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
	"github.com/tailrace/tailrace/transform/rules"
)

// Attributes are the expressions of a block; nil: the block does not have the attribute.
type Attributes struct {
	Key, ID, Type, Topic, Partition, Subject, Headers *config.Expression
}

// Parts are attributes that have been checked as far as the file shows. Any goroutine may use them.
type Parts struct {
	Key         *expr.Row // nil: the block has none, or it is not known; and so on
	id          *expr.Row
	kind        *expr.Row
	topic       *expr.Row
	partition   *expr.Row
	subject     *expr.Row
	headers     *headers.Object
	partitionAt hcl.Range
}

// New checks the attributes of a block. complete is false when one of them is not known, in an offline check, or has a problem.
func New(a Attributes, names expr.Names) (p *Parts, complete bool, diags hcl.Diagnostics) {
	p, complete = &Parts{}, true
	for _, x := range []struct {
		row   **expr.Row
		given *config.Expression
	}{
		{&p.Key, a.Key}, {&p.id, a.ID}, {&p.kind, a.Type}, {&p.topic, a.Topic}, {&p.partition, a.Partition}, {&p.subject, a.Subject},
	} {
		row, problems := expr.NewRow(x.given, names)
		*x.row, diags = row, append(diags, problems...)
		complete = complete && (row == nil) == (x.given == nil)
	}
	object, problems := headers.New(a.Headers, names)
	p.headers, diags = object, append(diags, problems...)
	if a.Partition != nil {
		p.partitionAt = a.Partition.Range()
	}
	return p, complete && (object == nil) == (a.Headers == nil), diags
}

// Compiled are Parts that are compiled for one shape of a table and one operation. One goroutine at a time may use them.
type Compiled struct {
	hasKey bool
	key    expr.Text // if hasKey
	others *others   // nil: the block has none of them
}

// others are the attributes besides the key.
type others struct {
	id, kind, topic, partition, subject *expr.Text // nil: the block has none
	headers                             *headers.Compiled
}

// Compile compiles the attributes for a shape. The result is usable when diags have no error.
func (p *Parts) Compile(s expr.Shape) (*Compiled, hcl.Diagnostics) {
	var key *expr.Text
	c := &others{}
	var diags hcl.Diagnostics
	for _, x := range []struct {
		text **expr.Text
		row  *expr.Row
	}{
		{&key, p.Key}, {&c.id, p.id}, {&c.kind, p.kind}, {&c.topic, p.topic}, {&c.partition, p.partition}, {&c.subject, p.subject},
	} {
		if x.row != nil {
			text, problems := x.row.Text(s)
			*x.text, diags = text, append(diags, problems...)
		}
	}
	object, problems := p.headers.Compile(s)
	c.headers, diags = object, append(diags, problems...)
	diags = append(diags, c.checkPartition(p.partitionAt)...)
	all := &Compiled{hasKey: key != nil}
	if key != nil {
		all.key = *key
	}
	if c.given() {
		all.others = c
	}
	return all, diags
}

// given reports whether the block has one of the attributes.
func (c *others) given() bool {
	return c.id != nil || c.kind != nil || c.topic != nil || c.partition != nil || c.subject != nil || c.headers != nil && c.headers.Len() > 0
}

// checkPartition reports a constant that is not the number of a partition.
func (c *others) checkPartition(at hcl.Range) hcl.Diagnostics {
	if c.partition == nil {
		return nil
	}
	text, constant := c.partition.Constant()
	if _, err := parsePartition(text); !constant || err == nil {
		return nil
	}
	return hcl.Diagnostics{rules.Fault(at, errPartition.Error(), "Partitions have the numbers 0, 1, 2 and so on.")}
}

// parsePartition returns the number of a partition.
func parsePartition(text string) (int32, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n > maxPartition {
		return 0, errPartition
	}
	return int32(n), nil
}

const maxPartition = 1<<31 - 2
