package postgres

// Selects implements daemon.TableSelector. The file does not tell what an administrator's publication has, nor tables that come from
// the environment in an offline check.
func (s *Settings) Selects(schema, table string) (selects, known bool) {
	if !s.tables {
		return false, false
	}
	c := Config{Tables: s.Include, Except: s.Except, Manage: true}
	for _, t := range s.Options {
		c.Options = append(c.Options, TableOption{Name: t.Name})
	}
	return c.publication().Selects(schema, table), true
}
