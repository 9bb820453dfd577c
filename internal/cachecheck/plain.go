package cachecheck

import "context"

// Plain is the client that everybody writes: GET, and on a miss a read of the database and SET.
type Plain struct {
	Cache
	Database *Database
	fills
}

// Read implements Client.
func (p *Plain) Read(ctx context.Context, ids []int) ([]int64, error) {
	return p.read(ctx, ids, p.load)
}

func (p *Plain) load(ctx context.Context, id int) error {
	version, err := p.Database.version(ctx, id)
	if err != nil {
		return err
	}
	p.after(p.Delay(), func() { p.Redis.Set(ctx, p.key(id), version, p.TTL) })
	return nil
}
