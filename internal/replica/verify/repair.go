package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// finding is a row that definitely differs.
type finding struct {
	key            []string
	source, target image
}

// errReshaped means that the replica's columns were altered before its first row was repaired: the comparison begins again.
var errReshaped = errors.New("the columns of the replica were altered")

// shape lets the replica's columns follow the source's before the first row is repaired. All columns have the right names already, but a
// name may belong to another column than before: a repair by name would write over values that the stream, which knows columns by
// number, moves later. A problem that needs an operator does not prevent the repair of rows.
func (c *comparison) shape(ctx context.Context) error {
	if c.shaped || !c.Repair || c.Make == nil {
		return nil
	}
	c.shaped = true
	did, err := c.Make(ctx, c.table.Source, c.follow)
	if capture.AsProblem(err) != nil || err == nil && len(did) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	c.result.Differences = append(c.result.Differences, Difference{
		Table: c.table.Source, Kind: "columns", Detail: strings.Join(did, "; "), Repaired: true,
	})
	return errReshaped
}

// found reports a finding, and repairs it if requested.
func (c *comparison) found(ctx context.Context, f finding) error {
	if err := c.shape(ctx); err != nil {
		return err
	}
	d := Difference{Table: c.table.Source, Key: f.key}
	switch {
	case f.target == image{}:
		d.Kind = "missing"
	case f.source == image{}:
		d.Kind = "extra"
	default:
		d.Kind = "different"
		columns, err := c.columns(ctx, f)
		if err != nil {
			return err
		}
		d.Columns = columns
	}
	if c.Repair {
		repaired, err := c.repair(ctx, f)
		if err != nil {
			return err
		}
		d.Repaired = repaired
	}
	if !d.Repaired {
		c.unrepaired++
	} else if len(c.result.Differences) >= c.limit() {
		c.result.More++
		return nil
	}
	c.result.Differences = append(c.result.Differences, d)
	return nil
}

// columns returns the columns that differ.
func (c *comparison) columns(ctx context.Context, f finding) (names []string, err error) {
	source, err := c.source.row(ctx, f.key)
	if err != nil {
		return nil, err
	}
	target, err := c.target.row(ctx, f.key)
	if err != nil || source == nil || target == nil {
		return nil, err
	}
	for i, name := range c.table.Columns {
		if !bytes.Equal(source.values[i], target.values[i]) || (source.values[i] == nil) != (target.values[i] == nil) {
			names = append(names, name)
		}
	}
	return names, nil
}

// row is a complete row with its version.
type row struct {
	version string
	values  [][]byte
}

func (s *side) row(ctx context.Context, key []string) (*row, error) {
	where, params := s.among([][]string{key})
	rows, err := query(ctx, s.conn, fmt.Sprintf("SELECT xmin, %s FROM %s WHERE %s", pgconnect.Idents(s.table.Columns), s.name.sql(), where),
		params...)
	if err != nil {
		return nil, s.failed("read a row of", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &row{version: string(rows[0][0]), values: rows[0][1:]}, nil
}

// repair writes the source's row to the replica, unless either side has changed: the stream may then be applying a change to it.
// Later changes of the stream find the row as if it had always existed. False means that a later run has to check it again.
func (c *comparison) repair(ctx context.Context, f finding) (bool, error) {
	if err := c.target.exec(ctx, "BEGIN"); err != nil {
		return false, err
	}
	done, err := c.replace(ctx, f)
	if err != nil || !done {
		return false, errors.Join(err, c.target.exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	if err := c.target.exec(ctx, "COMMIT"); err != nil {
		return false, err
	}
	// The replica may meanwhile have applied a change of the source's row to the old row: check once more.
	now, err := c.source.images(ctx, [][]string{f.key})
	if err != nil {
		return false, err
	}
	return now[keyText(f.key)] == f.source, nil
}

func (c *comparison) replace(ctx context.Context, f finding) (bool, error) {
	r, err := c.source.row(ctx, f.key)
	if err != nil || (r == nil) != (f.source == image{}) || r != nil && r.version != f.source.version {
		return false, err
	}
	var n int64
	switch {
	case r == nil:
		n, err = c.target.delete(ctx, f)
	case f.target == image{}:
		n, err = c.target.insert(ctx, r)
	default:
		n, err = c.target.update(ctx, f, r)
	}
	return n == 1, err
}

func (s *side) delete(ctx context.Context, f finding) (int64, error) {
	where, params := s.among([][]string{f.key})
	return s.write(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s AND xmin = '%s'", s.name.sql(), where, f.target.version),
		bytesOf(params))
}

func (s *side) insert(ctx context.Context, r *row) (int64, error) {
	names, casts, values := s.settable(r, "s", 0)
	return s.write(ctx, fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s) ON CONFLICT DO NOTHING",
		s.name.sql(), pgconnect.Idents(names), strings.Join(casts, ", ")), values)
}

func (s *side) update(ctx context.Context, f finding, r *row) (int64, error) {
	where, params := s.among([][]string{f.key})
	names, casts, values := s.settable(r, "sa", len(params))
	return s.write(ctx, fmt.Sprintf("UPDATE %s SET (%s) = ROW(%s) WHERE %s AND xmin = '%s'", s.name.sql(), pgconnect.Idents(names),
		strings.Join(casts, ", "), where, f.target.version), append(bytesOf(params), values...))
}

// settable returns the columns that are not fixed in any of the given ways, with parameters numbered after the first n.
func (s *side) settable(r *row, fixed string, n int) (names, casts []string, values [][]byte) {
	for i, name := range s.table.Columns {
		if f := s.fixed[name]; f != "" && strings.Contains(fixed, f) {
			continue
		}
		values = append(values, r.values[i])
		names = append(names, name)
		casts = append(casts, fmt.Sprintf("$%d::%s", n+len(values), s.types[name]))
	}
	return names, casts, values
}

func bytesOf(params []string) [][]byte {
	values := make([][]byte, len(params))
	for i := range params {
		values[i] = []byte(params[i])
	}
	return values
}

// write executes a statement and returns the number of affected rows.
func (s *side) write(ctx context.Context, sql string, values [][]byte) (int64, error) {
	tag, err := s.conn.ExecParams(ctx, sql, values, nil, nil, nil).Close()
	if err != nil {
		return 0, s.failed("repair a row of", refuse(err))
	}
	return tag.RowsAffected(), nil
}

func (s *side) exec(ctx context.Context, sql string) error {
	if _, err := s.conn.Exec(ctx, sql).ReadAll(); err != nil {
		return s.failed(strings.ToLower(sql)+" the repair of", err)
	}
	return nil
}

// refuse removes the values of a row, which Postgres prints as a detail, from an error.
func refuse(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	return err
}
