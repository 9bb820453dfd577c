package cachecheck

import "context"

// Plain is the client that everybody writes: GET, and on a miss a read of the database and SET.
type Plain struct {
	Cache
	Database *Database
	fills
}

// Read implements Client.
func (p *Plain) Read(ctx context.Context, keys []int) ([][]int64, error) {
	return p.read(ctx, keys, p.load)
}

func (p *Plain) load(ctx context.Context, key int) error {
	versions, err := p.Database.versions(ctx, p.RowsOf(key))
	if err != nil {
		return err
	}
	p.after(p.Delay(), func() { p.Redis.Set(ctx, p.name(key), encode(versions), p.TTL) })
	return nil
}
