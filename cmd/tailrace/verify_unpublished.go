package main

import (
	"context"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

// unpublished reports the tables that a pipeline's file selects and its source does not publish, once for all replicas of the
// pipeline.
func (v *verification) unpublished(ctx context.Context, p config.Pipeline) error {
	source, ok := p.Source.Settings.(verify.Unpublished)
	if !ok || v.reported[p.Name] {
		return nil
	}
	if v.reported == nil {
		v.reported = map[string]bool{}
	}
	v.reported[p.Name] = true
	names, err := source.Unpublished(ctx, p.Name)
	if err != nil {
		return err
	}
	for _, n := range names {
		name := verify.Name{Schema: n[0], Table: n[1]}
		if v.published = append(v.published, name.String()); v.table != "" && v.table != name.String() {
			continue
		}
		v.compared++
		v.result.Wrong++
		v.result.Difference(verify.Difference{
			Table: name, Kind: "not_published",
			Detail: "the file selects it, and the publication does not have it: its changes are not streamed; see the state tables_unpublished",
		})
	}
	return nil
}
