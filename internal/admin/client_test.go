package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestClientReadsWhatTheServerWrites(t *testing.T) {
	want := []pipeline.Status{healthy("or/ders"), stuck("billing")}
	srv := serve(t, &fixed{list: want, end: 0x1F})
	c, err := NewClient(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	got, err := c.Statuses(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one, err := c.Status(ctx, "or/ders")
	if err != nil || one.Name != "or/ders" {
		t.Errorf("one: %v %v", one, err)
	}
	if end, err := c.End(ctx, "billing"); err != nil || end != 0x1F {
		t.Errorf("end: %v %v", end, err)
	}
	if _, err := c.Status(ctx, "bill"); !errors.Is(err, ErrNoPipeline) {
		t.Errorf("unknown: %v", err)
	}
}

func TestClientOfSomethingElse(t *testing.T) {
	for _, h := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) },
	} {
		srv := httptest.NewServer(h)
		c, err := NewClient(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Statuses(context.Background()); err == nil || !strings.Contains(err.Error(), "not tailrace") {
			t.Errorf("got %v", err)
		}
		srv.Close()
		if _, err := c.Statuses(context.Background()); err == nil || !strings.Contains(err.Error(), "no daemon answers") {
			t.Errorf("closed: got %v", err)
		}
	}
}

func TestClientWantsAURL(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:9187", "ftp://host", "http://", ":"} {
		if _, err := NewClient(base); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
}
