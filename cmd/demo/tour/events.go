package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// eventTopic is the topic of the sink "events" of examples/demo.
const eventTopic = "shop.events"

// domainEvents shows the events that rules make of an order, and why a rule makes none.
func (t *tour) domainEvents(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.kafka.ListenAddrs()...), kgo.ConsumeTopics(eventTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(250*time.Millisecond))
	if err != nil {
		return fmt.Errorf("start a consumer of %s: %w", eventTopic, err)
	}
	defer client.Close()
	id, err := t.shop.place(ctx)
	if err != nil {
		return err
	}
	if err := t.showDomainEvent(ctx, client, "one transaction: INSERT of an order and of its two lines", "OrderPlaced", id); err != nil {
		return err
	}
	if err := t.shop.change(ctx, t.shop.desk, updateSQL, id, id); err != nil {
		return err
	}
	if err := t.showDomainEvent(ctx, client, "UPDATE of its status", "OrderPaid", id); err != nil {
		return err
	}
	if err := t.shop.change(ctx, t.shop.desk, updateSQL, id, id); err != nil {
		return err
	}
	t.screen.line("UPDATE of its status from paid to packed: no event. tailrace explain shows why:")
	if err := t.explain(ctx, id); err != nil {
		return err
	}
	return t.account(ctx)
}

// showDomainEvent waits for an event of an order and shows it.
func (t *tour) showDomainEvent(ctx context.Context, client *kgo.Client, change, kind string, id int64) error {
	t.screen.line("%s", change)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("wait for the event %s of order %d: %w", kind, id, err)
		}
		for _, r := range fetches.Records() {
			if string(r.Key) == strconv.FormatInt(id, 10) && header(r, "ce_type") == kind {
				t.screen.line("  -> ce_type %s", kind)
				t.screen.line("     key     %s", r.Key)
				t.screen.line("     value   %s", r.Value)
				return nil
			}
		}
	}
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// explain shows what `tailrace explain` prints about the last change of an order.
func (t *tour) explain(ctx context.Context, id int64) error {
	row := fmt.Sprintf(`{"id":%d,"customer":"customer 1","total":"10.95","version":%%d,"status":"%%s"}`, id)
	cmd := exec.CommandContext(ctx, t.daemon.program, "explain", "-sink", "events", "-table", "public.orders",
		"-old", fmt.Sprintf(row, 2, "paid"), "-row", fmt.Sprintf(row, 3, "packed"), "examples/demo")
	cmd.Env = t.daemon.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("tailrace explain: %w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		t.screen.line("  %s", strings.TrimRight(line, "\n"))
	}
	return nil
}
