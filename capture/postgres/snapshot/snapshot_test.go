package snapshot

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
)

func TestCopySQL(t *testing.T) {
	table := &capture.Table{Columns: []capture.Column{{Name: "id"}, {Name: `a"b`}}}
	for _, c := range []struct {
		table decode.CopyTable
		where string
		want  string
	}{
		{decode.CopyTable{Schema: "public", Name: "t", Table: table}, "", `COPY (SELECT "id", "a""b" FROM ONLY "public"."t") TO STDOUT`},
		{decode.CopyTable{Schema: "public", Name: "t", Table: table, Root: true}, "(id > 1)", `COPY (SELECT "id", "a""b" FROM "public"."t" WHERE (id > 1)) TO STDOUT`},
		{decode.CopyTable{Schema: "public", Name: "empty", Table: &capture.Table{}}, "", `COPY (SELECT  FROM ONLY "public"."empty") TO STDOUT`},
	} {
		if got := copySQL(&c.table, c.where); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
