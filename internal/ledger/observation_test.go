package ledger

import "testing"

func TestObserve(t *testing.T) {
	const value = `{"op":"delete","schema":"ledger","table":"note","row":null,"old":{"account_id":1,"no":2,"ver":7,"prev_ver":6},` +
		`"lsn":"1/20","seq":0,"xid":5,"time":"2026-01-02T03:04:05.000006Z"}`
	o, err := Observe(Partition{"notes", 2}, 9, []byte(`{"account_id":1,"no":2}`), []byte(value), "")
	must(err)
	if s := o.String(); s != `delete of ledger.note {"account_id":1,"no":2} ver 7 (1/20 at notes/2@9)` {
		t.Error(s)
	}
	if o.ID != `1/20/0/delete/ledger.note/{"account_id":1,"no":2}` || o.Row != nil || *o.Image.Prev != 6 || o.Time.Nanosecond() != 6000 {
		t.Errorf("%+v", o)
	}
	if o, err := Observe(Partition{}, 0, nil, []byte(value), "given"); err != nil || o.ID != "given" {
		t.Error(o.ID, err)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{"op":"insert"}`,
		`{"op":"insert","schema":"s","table":"t","row":{},"lsn":"1/20"}`,
		`{"op":"insert","schema":"s","table":"t","row":{},"lsn":"x","seq":0}`,
		`{"op":"insert","schema":"s","table":"t","row":{"ver":"1"},"lsn":"1/20","seq":0}`,
	} {
		if _, err := Observe(Partition{}, 0, nil, []byte(bad), ""); err == nil {
			t.Errorf("%s was taken for an event", bad)
		}
	}
}
