package pgconnect

import (
	"errors"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// CheckURL rejects URLs in which the driver would mistake a part of the password for the host or path, and print it in error
// messages. Its error does not quote the URL.
func CheckURL(s string) error {
	rest, ok := strings.CutPrefix(s, "postgres://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "postgresql://"); !ok {
			return errors.New("it does not begin with postgres://")
		}
	}
	_, rest, found := strings.Cut(rest, "@")
	if strings.Contains(rest, "@") {
		return errors.New("it has more than one @: write those inside the password as %40")
	}
	if found {
		rest = s[:len(s)-len(rest)-1]
		if _, user, _ := strings.Cut(rest, "://"); strings.ContainsAny(user, "/?") {
			return errors.New("there is a / or ? before the @: write those inside the password as %2F and %3F")
		}
	}
	return nil
}

// saysTLS reports whether the URL or PGSSLMODE chooses a TLS mode.
func saysTLS(s string) bool {
	_, query, _ := strings.Cut(s, "?")
	q, err := url.ParseQuery(query)
	return err != nil || q.Has("sslmode") || q.Has("ssl") || os.Getenv("PGSSLMODE") != ""
}

// withTLS adds the default TLS mode. No data leaves the host unless the server's certificate and name are verified. On loopback,
// plain text is tried first, because a walsender sends one TLS record per row.
func withTLS(s string, pc *pgconn.Config) string {
	mode := "allow"
	if !local(pc.Host) {
		mode = "verify-full"
	}
	for _, f := range pc.Fallbacks {
		if !local(f.Host) {
			mode = "verify-full"
		}
	}
	if strings.Contains(s, "?") {
		return s + "&sslmode=" + mode
	}
	return s + "?sslmode=" + mode
}

func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
