package verify

import "context"

// Unpublished is a source's settings that know which tables the file takes and the source does not publish. No replica gets their rows.
type Unpublished interface {
	// Unpublished names these tables now.
	Unpublished(ctx context.Context, pipeline string) ([][2]string, error)
}
