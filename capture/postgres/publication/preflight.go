package publication

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Preflight checks the server, the slot and the tables before anything is changed, and returns every problem that it finds,
// each a *capture.Problem with its fix. It changes nothing on the server. The plan may be passed to Apply only when
// there is no problem.
func (c *Config) Preflight(ctx context.Context, conn *pgx.Conn) (*Plan, []error) {
	p := &Plan{Major: pgconnect.Major(conn.PgConn())}
	srv, err := c.readServer(ctx, conn)
	if err != nil {
		return p, []error{err}
	}
	if fatal := c.checkVersion(srv, p.Major); fatal != nil {
		return p, []error{fatal} // the queries that follow would fail because of it
	}
	if p.Slot, err = slot.Read(ctx, conn, c.Slot); err != nil {
		return p, []error{err}
	}
	errs := c.checkServer(srv, p)
	if p.Slot != nil {
		if bad := p.Slot.Problem(); bad != nil {
			errs = append(errs, bad)
		}
	}
	if p.actual, err = c.define(ctx, conn); err != nil {
		return p, append(errs, err)
	}
	if !c.Manage {
		return p, append(errs, c.checkForeign(ctx, conn, p)...)
	}
	return p, append(errs, c.checkManaged(ctx, conn, srv, p)...)
}

// checkManaged checks what the file wants to publish.
func (c *Config) checkManaged(ctx context.Context, conn *pgx.Conn, srv *server, p *Plan) []error {
	if bad := c.publicationUsable(p); bad != nil {
		return []error{bad}
	}
	var errs []error
	p.targets, errs = c.resolve(ctx, conn)
	for _, t := range p.targets {
		bad := c.checkTarget(t, p.Major)
		if len(bad) == 0 && !p.actual.publishes(t.OID) {
			if err := c.checkGrowth(t); err != nil {
				bad = append(bad, err)
			}
		}
		errs = append(errs, bad...)
		if err := c.checkReadable(ctx, conn, srv, t); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errs // a filter is checked by publishing it, in a transaction that is rolled back
	}
	if bad := c.checkRights(srv, p); bad != nil {
		return []error{bad}
	}
	return c.checkFilters(ctx, conn, p)
}
