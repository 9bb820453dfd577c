package workload

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The tables of the events, in the schema shop, to publish besides Tables. shop.counter and shop.expected are not published.
const (
	Orders = "shop.orders" // replica identity FULL, with a column that is stored out of line
	Lines  = "shop.lines"
	Outbox = "shop.outbox" // its rows are deleted in the transaction that inserts them
	Kept   = "shop.kept"   // its rows stay
)

// MessagePrefix is what the prefixes of the logical messages begin with.
const MessagePrefix = "shop."

// The kinds of events. Each is a topic of its own, named TopicOf(kind).
const (
	Placed  = "placed"  // an order and its lines, which were inserted
	Paid    = "paid"    // an order whose status has become paid
	Posted  = "posted"  // a row of Outbox
	Stored  = "stored"  // a row of Kept
	Message = "message" // a logical message; its prefix is MessagePrefix and the key
)

// Kinds returns all kinds of events.
func Kinds() []string { return []string{Placed, Paid, Posted, Stored, Message} }

// TopicOf returns the topic of a kind.
func TopicOf(kind string) string { return "shop." + kind }

// EventTables returns the names of the tables of the events.
func EventTables() []string { return []string{Orders, Lines, Outbox, Kept} }

// customers is the number of keys of each kind.
const customers = 12

const eventDDL = `
create schema shop;
create table shop.orders (
    id bigserial primary key, customer int not null, status text not null, placed bigint not null,
    paid bigint not null default 0, touched int not null default 0, doc text not null);
alter table shop.orders replica identity full, alter doc set storage external;
create table shop.lines (id bigserial primary key, order_id bigint not null, qty int not null);
create table shop.outbox (id bigserial primary key, kind text not null, key text not null, payload text, trace text);
create table shop.kept (like shop.outbox including all);
create table shop.counter (kind text, key text, ver bigint not null default 0, primary key (kind, key));
create table shop.expected (kind text, key text, ver bigint, body text not null, trace text not null, primary key (kind, key, ver));
`

// CreateEvents creates the tables of the events.
func CreateEvents(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, eventDDL); err != nil {
		return fmt.Errorf("create tables of events: %w", err)
	}
	const counters = `insert into shop.counter
		select kind, case kind when 'message' then 'shop.' else '' end || n from unnest($1::text[]) kind, generate_series(0, $2 - 1) n`
	if _, err := conn.Exec(ctx, counters, Kinds(), customers); err != nil {
		return fmt.Errorf("create counters of events: %w", err)
	}
	return nil
}

// Reshape adds a column to every table of the events, which no event has.
func Reshape(ctx context.Context, conn *pgx.Conn, n int) error {
	for _, table := range EventTables() {
		if _, err := conn.Exec(ctx, fmt.Sprintf("alter table %s add column extra_%d text default 'extra'", table, n)); err != nil {
			return fmt.Errorf("add a column: %w", err)
		}
	}
	return nil
}

// EventKey names an event: the ver-th one of its kind and key.
type EventKey struct {
	Kind, Key string
	Ver       int64
}

// Event is what a transaction expects of an event.
type Event struct {
	Body  string // the payload
	Trace string // "<traceparent> <tracestate>"; "": the event has none
}

// ReadEvents reads the events that the committed transactions expect.
func ReadEvents(ctx context.Context, conn *pgx.Conn) (map[EventKey]Event, error) {
	rows, err := conn.Query(ctx, "select kind, key, ver, body, trace from shop.expected")
	if err != nil {
		return nil, fmt.Errorf("read expected events: %w", err)
	}
	all := map[EventKey]Event{}
	var k EventKey
	var e Event
	_, err = pgx.ForEachRow(rows, []any{&k.Kind, &k.Key, &k.Ver, &e.Body, &e.Trace}, func() error {
		all[k] = e
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read expected events: %w", err)
	}
	return all, nil
}
