package publication

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
)

// Keeper keeps the publication of one source equal to its file, over all its streams, and detects that another session
// altered it. One goroutine uses it, unless a method says otherwise.
type Keeper struct {
	config   *Config
	control  Control
	log      *zap.Logger
	prepared bool         // the publication matches the file
	accepted *Fingerprint // of the publication that the last stream passed with; nil: none has
	added    []string     // tables that the publication got next to an older slot, and that no stream has listed yet
	names    naming
}

// NewKeeper creates a Keeper; it contacts no server.
func NewKeeper(c *Config, control Control, log *zap.Logger) *Keeper {
	return &Keeper{config: c, control: control, log: log}
}

// Forget discards what was accepted: another daemon has the slot and may have another file, or the next stream begins with
// all rows.
func (k *Keeper) Forget() {
	k.accepted = nil
	k.names.forget()
}

// AlteredState is the state in which the start rule refuses a stream because of what View.Altered has found.
const AlteredState = "publication_altered"

// Refused handles the refusal of a stream because the publication was altered. By then every sink was checked and the
// records contain the findings, so this process can forget them. It also makes the publication match the file, so that an
// operator who accepts what is missing does not accept a publication that continues to lack it. If no sink keeps a record,
// the publication itself does.
func (k *Keeper) Refused(ctx context.Context) {
	if found := k.names.unrecorded(); len(found) > 0 && k.config.Manage {
		k.recordVerdict(ctx, strings.Join(found, ", "))
	}
	k.accepted, k.prepared = nil, false
	k.names.forgetReported()
}

// Joined returns the tables, by OID, that have joined the publication since the last stream passed: those that another session
// has added, and those that this process has added next to an older slot.
func (k *Keeper) Joined(pub *Published) (oids []uint32) {
	if k.accepted != nil {
		oids = pub.Fingerprint.joined(k.accepted)
	}
	for _, t := range pub.Fingerprint.tables {
		if slices.Contains(k.added, t.member.String()) {
			oids = append(oids, t.member.oid)
		}
	}
	return oids
}

// Prepare checks the server and makes the publication match the file: the publication comes before the slot. If the slot is
// in use, the publication belongs to the daemon that uses it, whose file may differ. After the first stream, a new table
// that matches a wildcard and cannot be published must not stop a working pipeline. In both cases Prepare only reads. A
// table that was renamed gets a new row in the publication if it still belongs to it: a verdict relies on that.
func (k *Keeper) Prepare(ctx context.Context, conn *pgx.Conn, row *slot.State) (*Published, error) {
	again := k.names.strayed()
	if row != nil && (row.Active || k.prepared) {
		pub := &Published{}
		err := k.config.read(ctx, conn, pub)
		renamed := err == nil && k.rename(&pub.Fingerprint)
		if err != nil || row.Active || !renamed && len(again) == 0 {
			return pub, err
		}
		again = k.names.strayed()
	}
	plan, problems := k.config.Preflight(ctx, conn)
	if len(problems) > 0 {
		return nil, problem.Together(problems)
	}
	plan.again = again
	pub, err := k.config.Apply(ctx, conn, plan)
	if err != nil {
		return nil, err
	}
	k.names.stamp()
	k.prepared = true
	if pub.Altered() {
		k.log.Info("publication", zap.String("name", k.config.Name), zap.Strings("added", pub.Added),
			zap.Strings("removed", pub.Removed), zap.Strings("changed", pub.Changed))
	}
	if row != nil {
		k.added = append(k.added, pub.Added...)
	}
	return pub, nil
}
