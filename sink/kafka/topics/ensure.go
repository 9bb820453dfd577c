package topics

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// unknownFor is how long the cluster does not know a topic before the topic counts as missing: brokers learn of a new
// topic a moment after the controller has confirmed its creation.
const unknownFor = time.Second

// Ensure describes topics with their limits, and creates missing ones where the settings say so. names has for each topic
// whether its name comes from the settings and not from a row.
func (a *Admin) Ensure(ctx context.Context, names map[string]bool) (map[string]Described, error) {
	all := make(map[string]Described, len(names))
	created := map[string]bool{}
	var ready []*Topic
	left := slices.Sorted(maps.Keys(names))
	unknownUntil := time.Now().Add(unknownFor)
	for p, until := kafkaconnect.Pause(0), time.Now().Add(createTimeout); ; {
		m, err := a.cluster.Metadata(ctx, left...)
		if err != nil {
			return nil, err
		}
		found := FromMetadata(m, left...)
		var missing, later []string
		for _, n := range left {
			t := found[n]
			if t.Err != nil {
				t.Err = DescribeError(a.cluster, n, t.Err)
			}
			switch {
			case t.Err == nil:
				ready = append(ready, t.Topic)
			case IsUnknown(t.Err) && !created[n] && (a.Creates(n, names[n]) || time.Now().After(unknownUntil)):
				missing = append(missing, n)
			case kafkaconnect.IsTransient(t.Err):
				later = append(later, n)
			}
			all[n] = t
		}
		if len(missing) > 0 {
			exist := a.createMissing(ctx, missing, names, all)
			for _, n := range exist {
				created[n] = true
			}
			later, until = append(later, exist...), time.Now().Add(createTimeout)
		}
		if left = later; len(left) == 0 || time.Now().After(until) {
			a.ReadLimits(ctx, ready)
			return all, nil
		}
		if err := p.Sleep(ctx, all[left[0]].Err); err != nil {
			return nil, err
		}
	}
}

// createMissing creates the topics that the settings permit. It returns the topics that exist now, though perhaps not
// yet for each broker; all gets the errors of the others.
func (a *Admin) createMissing(ctx context.Context, missing []string, names map[string]bool, all map[string]Described) (exist []string) {
	var create, absent []string
	for _, n := range missing {
		if a.Creates(n, names[n]) {
			create = append(create, n)
		} else {
			absent = append(absent, n)
		}
	}
	if len(create) > 0 {
		refused := a.Create(ctx, create, a.creation)
		for n, err := range refused {
			all[n] = Described{Err: err}
		}
		exist = slices.DeleteFunc(create, func(n string) bool { return refused[n] != nil })
	}
	if len(absent) > 0 {
		known := a.cluster.KnownToAny(ctx, absent...)
		for _, n := range absent {
			if known[n] {
				exist = append(exist, n)
			} else {
				all[n] = Described{Err: Missing(a.cluster, n, sarama.ErrUnknownTopicOrPartition)}
			}
		}
	}
	return exist
}
