package tool

import (
	"context"
	"os/exec"

	"github.com/tailrace/tailrace/bench/proc"
	"github.com/tailrace/tailrace/bench/site"
)

// recvLogical reads to /dev/null until the end of the backlog, or without end if the backlog has none yet.
func (p *Program) recvLogical(ctx context.Context) {
	args := []string{
		"-d", p.job.From.URL(p.job.Over), "-S", p.job.Name, "--start", "--no-loop", "-f", "/dev/null",
		"-o", "proto_version=1", "-o", "publication_names=" + site.Publication,
	}
	if p.job.From.End != "" {
		args = append(args, "--endpos", p.job.From.End)
	}
	p.cmd = exec.CommandContext(ctx, "pg_recvlogical", args...)
	written := int64(0)
	p.progress = func() (float64, bool, error) {
		pid := p.Pid()
		written = max(written, proc.Written(pid))
		if p.job.From.End != "" {
			return float64(written), proc.Ended(pid), nil
		}
		sent, end, err := p.job.From.Sent(ctx, p.job.Name)
		return float64(written), sent >= end, err
	}
}
