package verify

import "context"

// Unpublished is implemented by the settings of a source that can list the tables that the configuration file selects and the
// source does not publish. No replica gets their rows.
type Unpublished interface {
	// Unpublished returns the current list of these tables.
	Unpublished(ctx context.Context, pipeline string) ([][2]string, error)
}
