package tail

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventview"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

// topics are the settings of a sink with topics.
type topics struct{}

func (topics) Encoder(pipeline string) (format.Encoder, error) {
	return formats.New(format.CloudEvents, format.Options{Pipeline: pipeline})
}

func (topics) TopicOf(string) (func(*transform.Event) (string, error), error) {
	return func(e *transform.Event) (string, error) {
		if e.Topic == "__bad" {
			return "", &sink.Rejected{Reason: "topic_name", Err: errors.New("__bad")}
		}
		return "shop." + e.Change.Table.Name, nil
	}, nil
}

func source(t *testing.T, name string, settings any) Source {
	t.Helper()
	view, err := eventview.New("shop", config.Block{Kind: "test", Name: name, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return Source{Name: name, Ring: &Ring{}, View: view}
}

// all reads what a Tail has now.
func all(t *testing.T, tail *Tail) (list []string) {
	t.Helper()
	for {
		item, ok := tail.Next(t.Context())
		if !ok {
			return list
		}
		if item.Event == nil {
			list = append(list, fmt.Sprintf("%s skipped %d", item.Sink, item.Skipped))
			continue
		}
		list = append(list, fmt.Sprintf("%s %d", item.Event.Sink, item.Event.Seq))
	}
}

func TestWhatAnEventShows(t *testing.T) {
	tx := &capture.Tx{LSN: 0x100, XID: 5, Epoch: 0xabc}
	change := &capture.Change{Tx: tx, Seq: 3, Op: capture.Update, Table: table, After: []capture.Value{value("7"), value("new\u009b")}}
	snapshot := &capture.Change{Tx: &capture.Tx{LSN: 0xff}, Op: capture.Read, Table: table, After: []capture.Value{value("7"), {}}}
	for name, c := range map[string]struct {
		event    transform.Event
		why      *sink.Rejected
		settings any
		want     string
	}{
		"a plain change": {
			transform.Event{Change: change},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"public.orders.update","id":"shop/00000abc/0/100/3","op":"update","lsn":"0/100","seq":3,"key":"{\"id\":7}","data":{"op":"update","row":{"id":7,"note":"new` + "\u009b" + `"}}}`,
		},
		"a change in a replica": {
			transform.Event{Change: change},
			nil, nil,
			`{"sink":"bus","table":"public.orders","type":"public.orders.update","id":"shop/00000abc/0/100/3","op":"update","lsn":"0/100","seq":3,"key":null,"data":{"op":"update","row":{"id":7,"note":"new` + "\u009b" + `"}}}`,
		},
		"a row of a snapshot": {
			transform.Event{Change: snapshot},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"public.orders.read","id":"shop/00000000/0/100/read/public.orders/{\"id\":7}","op":"read","lsn":"0/100","seq":0,"key":"{\"id\":7}","data":{"op":"read","row":{"id":7,"note":null}}}`,
		},
		"an event of a block": {
			transform.Event{
				Change: change, Type: "OrderPaid", Suffix: "OrderPaid", HasKey: true, Key: []byte("k"), HasData: true, Data: []byte(`{"n":1.10}`),
				Headers: []transform.Header{{Name: "a", Value: []byte("b")}, {Name: "c"}},
			},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"OrderPaid","id":"shop/00000abc/0/100/3/OrderPaid","op":"update","lsn":"0/100","seq":3,"key":"k","headers":{"a":"b","c":null},"data":{"n":1.10}}`,
		},
		"a tombstone": {
			transform.Event{Change: change, Type: "Gone", HasKey: true, Key: []byte("k"), HasData: true},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"Gone","id":"shop/00000abc/0/100/3","op":"update","lsn":"0/100","seq":3,"key":"k","data":null}`,
		},
		"a payload that is no JSON": {
			transform.Event{Change: change, ID: []byte("i"), HasKey: true, HasData: true, Data: []byte("a \x1b"), Opaque: true},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"public.orders.update","id":"i","op":"update","lsn":"0/100","seq":3,"key":null,"data":"a \u001b"}`,
		},
		"a payload that is no text": {
			transform.Event{Change: change, ID: []byte("i"), HasKey: true, HasData: true, Data: []byte{0xff, 0}, Opaque: true},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"public.orders.update","id":"i","op":"update","lsn":"0/100","seq":3,"key":null,"data_base64":"/wA="}`,
		},
		"a topic that Kafka cannot have": {
			transform.Event{Change: change, Type: "T", Topic: "__bad", HasKey: true, HasData: true, Data: []byte(`1`)},
			&sink.Rejected{Reason: "topic_name", Err: errors.New("__bad is internal")},
			topics{},
			`{"sink":"bus","topic":"__bad","table":"public.orders","type":"T","id":"shop/00000abc/0/100/3","op":"update","lsn":"0/100","seq":3,"key":null,"data":1,"rejected":{"reason":"topic_name","error":"__bad is internal"}}`,
		},
		"data that is too large": {
			transform.Event{Change: change, Type: "T", HasKey: true, HasData: true, Data: []byte(`"` + strings.Repeat("x", 20_000) + `"`)},
			nil,
			topics{},
			`{"sink":"bus","topic":"shop.orders","table":"public.orders","type":"T","id":"shop/00000abc/0/100/3","op":"update","lsn":"0/100","seq":3,"key":null,"omitted":{"data":20002}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := source(t, "bus", c.settings)
			tail := Open([]Source{s}, 0, true)
			events := []transform.Event{c.event}
			var diverted []sink.Diverted
			if c.why != nil {
				diverted = append(diverted, sink.Diverted{Event: &events[0], Why: c.why})
			}
			s.Ring.Accepted(events, diverted)
			item, ok := tail.Next(t.Context())
			if !ok {
				t.Fatal("no event")
			}
			got, err := json.Marshal(item.Event)
			if err != nil || string(got) != c.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, c.want)
			}
		})
	}
}

func TestAnEventThatHasHaltedTheSink(t *testing.T) {
	s := source(t, "bus", topics{})
	s.Ring.Rejected(&sink.Rejected{
		At: capture.Position{LSN: 0x100, Seq: 2}, Table: "public.orders", Key: "7", Reason: "too_large", Err: errors.New("at least 2 MB"),
	})
	item, _ := Open([]Source{s}, 1, false).Next(t.Context())
	got, _ := json.Marshal(item.Event)
	if want := `{"sink":"bus","table":"public.orders","lsn":"0/100","seq":2,"key":"7","rejected":{"reason":"too_large","error":"at least 2 MB"}}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A Tail begins with the last events of one sink after the other, continues with all of them in turn, and reports gaps.
func TestOrderOfSeveralSinks(t *testing.T) {
	a, b := source(t, "a", topics{}), source(t, "b", nil)
	for _, s := range []Source{a, b} {
		s.Ring.Accepted(rows(0, 4), nil)
	}
	ended := Open([]Source{a, b}, 1, false)
	tail := Open([]Source{a, b}, 2, true)
	defer tail.Close()
	if got := strings.Join(all(t, tail), ", "); got != "a 2, a 3, b 2, b 3" {
		t.Errorf("at first: %s", got)
	}
	select {
	case <-tail.Wake():
		t.Error("there is nothing to read")
	default:
	}
	a.Ring.Accepted(rows(4, 2), nil)
	b.Ring.Accepted(rows(4, MaxEvents+6), nil)
	<-tail.Wake()
	got := all(t, tail)
	if text := strings.Join(got[:4], ", "); text != "a 4, b skipped 6, b 10, a 5" && text != "b skipped 6, b 10, a 4, b 11" {
		t.Errorf("then: %s", text)
	}
	if len(got) != 2+1+MaxEvents {
		t.Errorf("%d lines", len(got))
	}
	// One that does not follow has what was there when it was opened.
	if got := strings.Join(all(t, ended), ", "); got != "a 3" {
		t.Errorf("without following: %s", got)
	}
}
