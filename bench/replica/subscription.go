package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// native is a subscription of Postgres itself, with default settings, on a slot that exists already.
type native struct {
	job tool.Job
	ctx context.Context // of the run
}

func subscribe(ctx context.Context, j tool.Job) (*native, error) {
	from := j.From.Site.Postgres
	sql := fmt.Sprintf(`CREATE SUBSCRIPTION %s CONNECTION 'host=127.0.0.1 port=%d user=postgres dbname=%s sslmode=disable'
		PUBLICATION %s WITH (copy_data = false, create_slot = false)`, j.Name, from.Port, j.From.Name, site.Publication)
	return &native{j, ctx}, j.Into.Exec(ctx, sql)
}

// Pid implements program: the apply worker is a process of the target.
func (n *native) Pid() int { return 0 }

// Look implements program.
func (n *native) Look() error {
	var errs int
	err := n.job.Into.Row(n.ctx, "SELECT coalesce(sum(apply_error_count), 0)::int FROM pg_stat_subscription_stats", nil, &errs)
	if err == nil && errs > 0 {
		err = errors.New("the apply worker has failed: see the target's log")
	}
	return err
}

// Stop implements program.
func (n *native) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := n.job.Into.Exec(ctx, "ALTER SUBSCRIPTION "+n.job.Name+" DISABLE", "ALTER SUBSCRIPTION "+n.job.Name+" SET (slot_name = NONE)",
		"DROP SUBSCRIPTION "+n.job.Name)
	return errors.Join(err, n.job.From.DropSlot(ctx, n.job.Name))
}
