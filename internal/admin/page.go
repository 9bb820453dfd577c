package admin

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"size":  Size,
	"since": func(t time.Time) string { return Age(time.Since(t)) },
	"lag":   func(s float64) string { return Age(time.Duration(s * float64(time.Second))) },
}).Parse(pageText))

// page is the status page: one file without scripts, which loads nothing and refreshes itself every two seconds.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, struct {
		Version   string
		Now       time.Time
		Pipelines []pipeline.Status
	}{s.version, time.Now().UTC(), s.pipelines.Statuses()})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes()) // an error means that the client has closed the connection
}

// Size formats a number of bytes, such as "1.5 MiB"; "?" when it is negative, which means unknown.
func Size(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/(1<<10), 0
	for v >= 1023.95 && unit < 4 {
		v, unit = v/(1<<10), unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}

// Age formats a duration: "0s", "250ms", "3.2s", "4m10s", "2h5m", "3d4h".
func Age(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
