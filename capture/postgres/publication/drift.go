package publication

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// altered describes how another session altered the publication such that changes are missing in the stream, either since a
// sink recorded its position with a fingerprint or since this process accepted one. docs/decisions/0007 has the rule.
func (k *Keeper) altered(ctx context.Context, pub *Published, text string) (what []string, err error) {
	defer func() { k.names.find(what) }()
	now := &pub.Fingerprint
	was, known := parseFingerprint(text)
	if known {
		k.names.learn(&was)
	}
	if text != "" && text == now.String() {
		return nil, nil // also when this process has accepted another fingerprint since: the operator asked for that one
	}
	if known {
		what = append(now.altered(&was, true), pub.moved(&was)...)
		replaced, err := k.replaced(ctx, now, &was)
		if err != nil {
			return nil, err
		}
		uncarried, err := k.uncarried(ctx, now, &was)
		if what = slices.Concat(what, replaced, uncarried, k.names.texts()); len(what) > 0 || err != nil {
			return what, err
		}
	}
	what = k.names.texts()
	if pub.Verdict != "" && text == "" && k.config.Manage {
		what = append(what, fmt.Sprintf("%s (the publication's comment says so, for no sink keeps a record; to go on without what is "+
			"missing: %s; and restart)", pub.Verdict, k.config.CommentStatement(Comment{Baselines: pub.baselines}.String())))
	}
	if k.accepted == nil {
		return what, nil
	}
	what = append(what, now.altered(k.accepted, !k.config.Manage)...)
	taken, err := k.taken(ctx, now, now.gone(k.accepted))
	if err != nil {
		return nil, err
	}
	uncarried, err := k.uncarried(ctx, now, k.accepted)
	return append(append(what, taken...), uncarried...), err
}

// accept records the fingerprint that this process has accepted: the stream has passed the start rule.
func (k *Keeper) accept(ctx context.Context, pub *Published) {
	now := &pub.Fingerprint
	if n := len(now.tables); n > maxRecorded && k.accepted == nil {
		k.log.Warn("too many tables to record: over a restart it is not noticed when one is taken out of the publication",
			zap.Int("tables", n), zap.Int("most", maxRecorded))
	}
	k.accepted = now
	k.names.forget()
	k.added = nil // they are in the list of joins
	if pub.Verdict != "" && k.config.Manage {
		k.recordVerdict(ctx, "")
	}
}

// dropped returns the tables that this process has accepted under names that the file has and that no published table has
// now: they were dropped or renamed. A table that gets such a name later is not in the stream until the publication
// includes it.
func (k *Keeper) dropped(now *Fingerprint) (dropped []membership) {
	if k.accepted == nil || !k.config.Manage {
		return nil
	}
	_, names := now.index()
	for _, t := range slices.Concat(k.accepted.tables, k.accepted.dropped) {
		if m := t.member; m.Name != "" && names[t.name] == nil && k.config.Selects(m.Schema, m.Name) {
			dropped = append(dropped, t)
		}
	}
	return dropped
}

// taken describes which of the missing members still exist and are still wanted by the file: they were removed from the
// publication.
func (k *Keeper) taken(ctx context.Context, now *Fingerprint, gone []Member) (what []string, err error) {
	rows, _ := now.index()
	for _, m := range gone {
		if m.Name == "" || !k.config.Manage && !k.config.names(m) {
			continue
		}
		var exists bool
		if err := k.control(ctx, func(c *pgx.Conn) (err error) {
			exists, err = k.config.exists(ctx, c, m)
			return err
		}); err != nil {
			return nil, err
		}
		switch {
		case exists && rows[m.row]:
			what = append(what, m.String()+" is another table now, which is not published")
		case exists:
			what = append(what, m.String()+" was taken out")
		}
	}
	return what, nil
}

// exists reports whether a relation has the name of one of the members.
func (c *Config) exists(ctx context.Context, conn *pgx.Conn, ms ...Member) (exists bool, err error) {
	var schemas, names []string
	for _, m := range ms {
		schemas, names = append(schemas, m.Schema), append(names, m.Name)
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) w(schema, name)
		JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = w.name)`,
		schemas, names).Scan(&exists)
	if err != nil {
		err = problem.Named("find tables", err)
	}
	return exists, err
}
