// Package record keeps what the benchmarks have measured: one JSON file for each case, and RESULTS.md put together from
// all of them. Nothing of it is written by hand.
package record

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Report is one table: a case of a part, with the machine, the versions and the commit that it stands for.
type Report struct {
	Part     string            `json:"part"` // drain, latency, reader, flat or replica
	Case     string            `json:"case"` // unique in its part: the file's name
	Title    string            `json:"title"`
	Date     time.Time         `json:"date"` // when it began
	Commit   string            `json:"commit"`
	Machine  string            `json:"machine"`
	Versions map[string]string `json:"versions"`
	Load     float64           `json:"load"`    // the machine's load average over a minute, before
	Setting  []string          `json:"setting"` // sentences on what was measured
	Columns  []Column          `json:"columns"`
	Lines    []*Line           `json:"lines"`
	Notes    []string          `json:"notes"`            // what follows from the medians
	Failed   string            `json:"failed,omitempty"` // why the case could not be measured to its end
}

// Column is a figure that the lines have.
type Column struct {
	Key    string `json:"key"`
	Title  string `json:"title"` // with the unit
	Digits int    `json:"digits"`
	Spread bool   `json:"spread"` // smallest and largest are shown too
}

// Line is one row of the table: a tool, measured several times.
type Line struct {
	Name string `json:"name"`
	Runs []Run  `json:"runs"`
}

// Run is one measurement.
type Run struct {
	Failed  string             `json:"failed,omitempty"` // why there are no figures
	Figures map[string]float64 `json:"figures,omitempty"`
}

// Line finds a line by name, and adds it where there is none.
func (r *Report) Line(name string) *Line {
	for _, l := range r.Lines {
		if l.Name == name {
			return l
		}
	}
	l := &Line{Name: name}
	r.Lines = append(r.Lines, l)
	return l
}

// Add notes one measurement, or why there is none.
func (l *Line) Add(figures map[string]float64, err error) {
	if err != nil {
		l.Runs = append(l.Runs, Run{Failed: err.Error()})
		return
	}
	for key, v := range figures {
		if math.IsNaN(v) || math.IsInf(v, 0) { // no JSON, and no figure
			delete(figures, key)
		}
	}
	l.Runs = append(l.Runs, Run{Figures: figures})
}

// values are a figure's in all runs that have it, in growing order.
func (l *Line) values(key string) (vs []float64) {
	for _, r := range l.Runs {
		if v, has := r.Figures[key]; has {
			vs = append(vs, v)
		}
	}
	slices.Sort(vs)
	return vs
}

// Median is a figure's median; NaN where no run has it.
func (l *Line) Median(key string) float64 { return median(l.values(key)) }

// median is the middle of sorted values, or between the two in the middle.
func median(vs []float64) float64 {
	n := len(vs)
	if n == 0 {
		return math.NaN()
	}
	return (vs[(n-1)/2] + vs[n/2]) / 2
}

// Ratio is how the medians of two lines compare; NaN where one of them has none.
func (r *Report) Ratio(key, above, below string) float64 {
	return r.Line(above).Median(key) / r.Line(below).Median(key)
}

// Has says whether a line has the figure.
func (r *Report) Has(name, key string) bool {
	return slices.ContainsFunc(r.Lines, func(l *Line) bool { return l.Name == name && len(l.values(key)) > 0 })
}

// Note adds a ratio of two lines' medians to the notes, where both lines have the figure. text has one verb, for it.
func (r *Report) Note(text, key, above, below string) {
	if r.Has(above, key) && r.Has(below, key) {
		r.Notes = append(r.Notes, fmt.Sprintf(text, r.Ratio(key, above, below)))
	}
}

// Told is one run's figures in words, as far as the table has columns for them.
func (r *Report) Told(figures map[string]float64) string {
	var words []string
	for _, c := range r.Columns {
		if v, has := figures[c.Key]; has {
			words = append(words, c.Title+" "+figure(v, c.Digits))
		}
	}
	return strings.Join(words, ", ")
}
