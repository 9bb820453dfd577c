package postgres

import (
	"errors"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// New makes a source. Placeholder: the stream's part of the package brings the real one.
func New(Config, *zap.Logger) (capture.Source, error) { return nil, errors.ErrUnsupported }
