package config

import "maps"

// Include adds the problems of another report, and the text of its files, so that later problems may have places in them.
func (r *Report) Include(other *Report) {
	if r.sources == nil {
		r.sources = map[string][]byte{}
	}
	maps.Copy(r.sources, other.sources)
	r.Add(other.Diagnostics...)
}
