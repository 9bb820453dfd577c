package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/slot"
)

// drop removes the slot, then the publication: in the opposite order the slot would retain WAL that cannot be decoded.
func (c *Config) drop(ctx context.Context, dry bool) ([]string, error) {
	conn, err := c.control(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, conn.Close)
	done, err := c.dropOurSlot(ctx, conn, dry)
	if err != nil {
		return done, err
	}
	line, err := c.publication().Drop(ctx, conn, dry)
	if err != nil || line == "" {
		return done, err
	}
	return append(done, line), nil
}

func (c *Config) dropOurSlot(ctx context.Context, conn *pgx.Conn, dry bool) ([]string, error) {
	s, err := slot.Read(ctx, conn, c.Slot)
	if err != nil || s == nil {
		return nil, err
	}
	if bad := s.DropProblem(); bad != nil {
		return nil, bad
	}
	line := fmt.Sprintf("slot %s, which keeps %d bytes of WAL", c.Slot, s.Retained)
	if dry {
		return []string{line}, nil
	}
	dropped, err := slot.Drop(ctx, conn, c.Slot)
	if !dropped {
		return nil, err
	}
	return []string{line}, nil
}
