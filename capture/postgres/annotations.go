package postgres

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// DefaultAnnotations is the default of Config.Annotations.
const DefaultAnnotations = "tailrace.tx"

// ignoredPause is the minimum time between two lines in the log about ignored annotations.
const ignoredPause = time.Minute

// ignoredAnnotations counts the messages that were meant to annotate their transaction and could not.
type ignoredAnnotations struct {
	count  atomic.Uint64
	logged time.Time // belongs to the stream's goroutine
}

// ignoreAnnotation is called by the stream's goroutine for such a message. A mistake of the application must not stop the stream: its
// transaction has the annotations that it had before.
func (s *Source) ignoreAnnotation(tx *capture.Tx, why string) {
	n := s.ignored.count.Add(1)
	if time.Since(s.ignored.logged) < ignoredPause {
		return
	}
	s.ignored.logged = time.Now()
	s.log.Warn("a message is ignored as an annotation", zap.String("prefix", s.config.Annotations), zap.String("reason", why),
		zap.Stringer("position", tx.LSN), zap.Uint32("transaction", tx.XID), zap.Uint64("ignored", n))
}
