package e2e

import (
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// shopSchema is what a schema-only dump would create on the new server.
var shopSchema = []string{
	"CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL UNIQUE)",
	`CREATE TABLE "order" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customer,
		total numeric(12,2) CHECK (total >= 0), at timestamptz DEFAULT now())`,
	"CREATE TABLE audit (id bigserial PRIMARY KEY, what text)",
	`CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO public.audit (what) VALUES ('order ' || NEW.id); RETURN NEW; END$$`,
	`CREATE TRIGGER audit AFTER INSERT ON "order" FOR EACH ROW EXECUTE FUNCTION audit()`,
}

// TestMigration follows docs/replica.md from 13 to the newest version, with a way back: both servers have the schema with
// foreign keys, triggers and sequences; the writers move; their later writes are replicated back.
func TestMigration(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	p := newPair(t, build(t).binary, 13, testenv.Newest)
	tables := []string{"customer", `"order"`, "audit"}
	shop := func(s *testenv.PostgresServer) {
		s.Exec(t, "INSERT INTO customer (name) SELECT gen_random_uuid()::text FROM generate_series(1, 50)",
			`INSERT INTO "order" (customer, total) SELECT id, id * 1.5 FROM customer`,
			`UPDATE "order" SET total = total + 1 WHERE id % 3 = 0`, `DELETE FROM "order" WHERE id % 11 = 0`)
	}
	for _, s := range []*testenv.PostgresServer{p.source, p.target} {
		s.Exec(t, shopSchema...)
	}
	shop(p.source)
	p.more = "constraints = \"off\"\n    origin = \"required\""
	p.write("tables = [\"public.*\"]\n    origin = \"none\"")
	there := p.file
	p.launch()
	p.streams()
	shop(p.source)
	p.drain()
	p.same(tables...)

	back := *p
	back.listen = freeAddress(t)
	back.dir = t.TempDir()
	back.urls = [2]string{p.target.URL(), p.source.URL()}
	back.write("tables = [\"public.*\"]\n    origin = \"none\"\n    snapshot { mode = \"never\" }")
	back.launch()
	back.streams()

	shop(p.source) // the last rows written there
	p.source.Exec(t, "ALTER DATABASE postgres SET default_transaction_read_only = on")
	p.drain()
	p.same(tables...)
	p.tailrace("verify", "-fast", there)
	p.tailrace("sequences", "-apply", there)
	p.same(tables...)
	shop(p.target) // with unused sequence numbers
	back.drain()
	p.same(tables...)
	p.daemon.kill()
	p.tailrace("drop", "-yes", "-pipeline", "replica", there)
	shop(p.target)
	back.drain()
	p.same(tables...)
	back.tailrace("verify", "-fast", back.file)
}
