// Package record stores the results of the benchmarks: one JSON file per case, and RESULTS.md generated from
// all of them. No part of it is written by hand.
package record

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Report is one table: a case of a part, with the machine, the versions and the commit of the measurement.
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
	Notes    []string          `json:"notes"`            // conclusions from the medians
	Failed   string            `json:"failed,omitempty"` // why the case could not be completed
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

// Line returns a line by name, and adds it if it is missing.
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

// Add records one measurement, or the reason why there is none.
func (l *Line) Add(figures map[string]float64, err error) {
	if err != nil {
		l.Runs = append(l.Runs, Run{Failed: err.Error()})
		return
	}
	for key, v := range figures {
		if math.IsNaN(v) || math.IsInf(v, 0) { // not valid in JSON, and not a figure
			delete(figures, key)
		}
	}
	l.Runs = append(l.Runs, Run{Figures: figures})
}

// values returns a figure from all runs that have it, in ascending order.
func (l *Line) values(key string) (vs []float64) {
	for _, r := range l.Runs {
		if v, has := r.Figures[key]; has {
			vs = append(vs, v)
		}
	}
	slices.Sort(vs)
	return vs
}

// Median returns the median of a figure; NaN if no run has it.
func (l *Line) Median(key string) float64 { return median(l.values(key)) }

// median returns the middle of sorted values, or the mean of the two in the middle.
func median(vs []float64) float64 {
	n := len(vs)
	if n == 0 {
		return math.NaN()
	}
	return (vs[(n-1)/2] + vs[n/2]) / 2
}

// Ratio returns the ratio of the medians of two lines; NaN if one of them has none.
func (r *Report) Ratio(key, above, below string) float64 {
	return r.Line(above).Median(key) / r.Line(below).Median(key)
}

// Has reports whether the line has the figure.
func (r *Report) Has(name, key string) bool {
	return slices.ContainsFunc(r.Lines, func(l *Line) bool { return l.Name == name && len(l.values(key)) > 0 })
}

// Note adds a ratio of two lines' medians to the notes, if both lines have the figure. text has one verb, for the ratio.
func (r *Report) Note(text, key, above, below string) {
	if r.Has(above, key) && r.Has(below, key) {
		r.Notes = append(r.Notes, fmt.Sprintf(text, r.Ratio(key, above, below)))
	}
}

// Told returns one run's figures in words, as far as the table has columns for them.
func (r *Report) Told(figures map[string]float64) string {
	var words []string
	for _, c := range r.Columns {
		if v, has := figures[c.Key]; has {
			words = append(words, c.Title+" "+figure(v, c.Digits))
		}
	}
	return strings.Join(words, ", ")
}
