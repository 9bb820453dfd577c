package cache

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// tokens makes the tokens of leases: no two calls of any process have the same.
type tokens struct {
	prefix string
	n      atomic.Uint64
}

func newTokens() *tokens { return &tokens{prefix: rand.Text() + "."} }

func (t *tokens) next() string { return t.prefix + strconv.FormatUint(t.n.Add(1), 36) }
