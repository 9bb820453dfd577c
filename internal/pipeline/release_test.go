package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// pooled is the Memory of a batch, as a source makes it.
type pooled struct{ buffer *bufpool.Buffer }

func (p *pooled) Release() { p.buffer.Release() } // twice is a panic

// large is a batch of one row in a pooled buffer, which says where the batch ends.
func large(end capture.LSN) capture.Batch {
	b := batch(end, 1, 20_000)
	buffer := bufpool.Get(20_000)
	buffer.Bytes = fmt.Appendf(buffer.Bytes, "row %d", end)
	b.Changes[0].After = []capture.Value{{Kind: capture.Text, Bytes: buffer.Bytes}}
	b.Memory = &pooled{buffer}
	return b
}

func TestReleaseComesAfterTheLastSink(t *testing.T) {
	bufpool.Poison()
	b := newBed(t, 1<<20, 2)
	b.add(large(200), large(300))
	run, n := b.reads(0)
	row := func(i int) string { return string(run[i].Changes[0].After[0].Bytes) }
	b.accept(0, n)
	b.setDurable(0, at(300))
	if row(0) != "row 200" {
		t.Error("released before sink 1 has accepted it")
	}
	b.accept(1, 1)
	if row(0) != "row 200" {
		t.Error("released although there is room and sink 1 may rewind to it")
	}
	b.setDurable(1, at(200))
	if row(0) == "row 200" {
		t.Error("every sink holds it, and it was not released")
	}
	if row(1) != "row 300" {
		t.Error("released although sink 1 has not accepted it")
	}
}

// Sinks of different speed, which rewind and are put ahead, never see a row that was released.
func TestNoSinkReadsReleasedRows(t *testing.T) {
	bufpool.Poison()
	const sinks, batches = 3, 5000
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w := newWindow(200_000, at(100), sinks, func(int, time.Duration) {})
	var all sync.WaitGroup
	for i := range sinks {
		all.Go(func() {
			if err := readRows(ctx, w, i, 100+8*batches); err != nil {
				t.Error(err)
				stop()
			}
		})
	}
	for n := range capture.LSN(batches) {
		if err := w.append(ctx, large(100+8*(n+1))); err != nil {
			break
		}
	}
	all.Wait()
}

// readRows is a sink that reads everything up to last.
func readRows(ctx context.Context, w *window, i int, last capture.LSN) error {
	rnd := rand.New(rand.NewPCG(uint64(i), 1))
	for held := at(100); held.LSN < last; {
		run, n, err := w.read(ctx, i, 60_000, nil)
		if err != nil {
			return fmt.Errorf("sink %d: %w", i, err)
		}
		for _, b := range run {
			runtime.Gosched()
			if got, want := string(b.Changes[0].After[0].Bytes), fmt.Sprintf("row %d", b.End.LSN); got != want {
				return fmt.Errorf("sink %d reads %q, want %q", i, got, want)
			}
		}
		switch rnd.IntN(20) {
		case 0: // the Write has failed, and a part of it is durable
			if held = run[rnd.IntN(len(run))].End; !w.seek(i, held) {
				return errors.New("the window has lost what no sink has accepted")
			}
		case 1: // accepted, and lost
			w.accept(i, n)
			if !w.seek(i, held) {
				if !w.seek(i, run[len(run)-1].End) {
					return errors.New("the window has lost its head")
				}
				held = run[len(run)-1].End
			}
		default:
			held = run[len(run)-1].End
			w.accept(i, n)
			w.setDurable(i, held)
		}
	}
	return nil
}
