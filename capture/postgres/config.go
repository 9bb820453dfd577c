package postgres

import (
	"time"

	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/rowfilter"
)

// The modes of Config.Snapshot.
const (
	SnapshotInitial = "initial" // copy the tables' rows before the first change
	SnapshotNever   = "never"   // changes only, from the slot's creation on
)

// Config defines what to read from which database. Every field is set: Settings fills it from a file.
type Config struct {
	URL      string                 // a secret: it may hold a password
	Password func() (string, error) // called at each connect; nil: use the URL, PGPASSWORD or the passfile

	// Tables and Except are exact names, "schema.table", the schema up to the first dot; * stands for any run of characters
	// within either part. A table block adds its table.
	Tables  []string
	Except  []string
	Options []TableOption
	// Filters are the conditions of the tables whose rows are filtered here, by the names of TableOption; nil: there are none.
	Filters map[string]*rowfilter.Filter
	// Masked returns the columns of a table that masks name; if there are any, its new columns are dropped by default. nil: there are no
	// masks.
	Masked func(schema, name string) []string

	Slot        string // [a-z0-9_]{1,54}
	Publication string // at most 63 bytes
	Manage      bool   // create the publication and keep it equal to this Config; false: an administrator manages it
	Failover    bool   // create the slot as a failover slot (17+)

	Heartbeat      time.Duration // how often an idle stream's position advances; also the interval at which the slot is checked
	Snapshot       string        // SnapshotInitial or SnapshotNever
	Annotations    string        // the prefix of the logical messages that annotate their transaction; "": none do
	SkipReplicated bool          // skip transactions with a replication origin: those that were replicated from another server
	ShutdownGrace  time.Duration // how long a server that is shutting down waits for us at most
}

// TableOption is a table block.
type TableOption = publication.TableOption

// DefaultShutdownGrace is the default of Config.ShutdownGrace: the bound of the design promise "no harm to the source".
const DefaultShutdownGrace = 5 * time.Second

// publication returns what the file says about the publication.
func (c *Config) publication() *publication.Config {
	p := &publication.Config{
		Name: c.Publication, Manage: c.Manage, Slot: c.Slot, Tables: c.Tables, Except: c.Except, Options: c.Options,
		CopiesRows: c.Snapshot == SnapshotInitial, Failover: c.Failover,
	}
	if c.Manage && c.rules() != nil {
		p.Tracks = c.tracksNewColumns
	}
	return p
}

// keys returns the file's `key` of each table that has one.
func (c *Config) keys() map[string][]string {
	keys := map[string][]string{}
	for _, o := range c.Options {
		if len(o.Key) > 0 {
			keys[o.Name] = o.Key
		}
	}
	return keys
}
