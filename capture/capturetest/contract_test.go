package capturetest_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
)

func TestContract(t *testing.T) {
	capturetest.Run(t, func(*testing.T) capturetest.Server {
		s := capturetest.NewScript()
		s.Drop()
		return capturetest.Server{
			Source: func(*testing.T) capture.Source { return s.Source() },
			Begin: func(_ *testing.T, rows ...capturetest.Row) func() {
				tx := capturetest.Transaction{}
				for i, r := range rows {
					tx.Keys = append(tx.Keys, r.Key)
					if i%1000 == 999 {
						tx.Cuts = append(tx.Cuts, i)
					}
				}
				commit := s.Begin(tx)
				return func() { commit() }
			},
			Idle: func(*testing.T) { s.Idle(1000) },
			Cut:  func(*testing.T) { s.Cut() },
		}
	})
}
