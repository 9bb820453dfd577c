package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// bodyBytes bounds the body of a call that changes state.
const bodyBytes = 64 << 10

// Access is who may change state and see values of rows.
type Access struct {
	Token  string // of the daemon block; "": nothing may be changed, and no value is shown
	Listen string // of the daemon block: its host is a valid Host of a request
}

// routes registers the handlers of the server's paths: read those that show something, values those that show values of rows, change
// those that change state.
type routes struct {
	mux    *http.ServeMux
	access Access
}

// read registers a handler for GET and HEAD.
func (r *routes) read(pattern string, h http.Handler) {
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			notAllowed(w, req, "GET, HEAD")
			return
		}
		h.ServeHTTP(w, req)
	})
}

// values registers a handler for GET, which is called only for requests that pass the checks of allows.
func (r *routes) values(pattern string, h http.Handler) {
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet {
			notAllowed(w, req, "GET")
			return
		}
		if r.access.allows(w, req, "show values of rows") {
			h.ServeHTTP(w, req)
		}
	})
}

// change registers a handler for POST, which is called only for requests that pass the checks of allows.
func (r *routes) change(pattern string, h http.Handler) {
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			notAllowed(w, req, "POST")
			return
		}
		if r.access.allows(w, req, "change state") {
			req.Body = http.MaxBytesReader(w, req.Body, bodyBytes)
			h.ServeHTTP(w, req)
		}
	})
}

func notAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	replyError(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not allowed at %q: use %s", r.Method, r.URL.Path, allow))
}

// crossOrigin refuses requests that a browser sends for a page of another origin.
var crossOrigin = http.NewCrossOriginProtection()

// allows reports whether a request may do something, such as "change state", and answers it if not. The Host has to name this server:
// a site whose name resolves to the server's address could otherwise send requests from a browser as its own (DNS rebinding). A
// request of a page has to come from the server's own origin. The token is compared in constant time.
func (a Access) allows(w http.ResponseWriter, r *http.Request, do string) bool {
	switch {
	case !a.allowsHost(r.Host):
		replyError(w, http.StatusForbidden, fmt.Sprintf("calls to the host %q must not %s: use localhost, the server's IP address, "+
			"or the host of listen in the daemon block", r.Host, do))
	case isCrossOrigin(r):
		replyError(w, http.StatusForbidden, "a page of another origin must not "+do)
	case a.Token == "":
		replyError(w, http.StatusForbidden, fmt.Sprintf("calls that %s are refused, as daemon.token is not set: set token in the daemon block, "+
			`such as token = file("/run/secrets/tailrace/token"), and restart the daemon`, do))
	case !sameToken(bearer(r), a.Token):
		w.Header().Set("WWW-Authenticate", `Bearer realm="tailrace"`)
		replyError(w, http.StatusUnauthorized, "the token is missing or wrong: send token of the daemon block as Authorization: Bearer TOKEN")
	default:
		return true
	}
	return false
}

// isCrossOrigin reports whether a page of another origin has sent a request. Of a GET the package permits that, so it is asked as
// for a POST.
func isCrossOrigin(r *http.Request) bool {
	as := r.WithContext(r.Context())
	as.Method = http.MethodPost
	return crossOrigin.Check(as) != nil
}

// allowsHost reports whether a Host header names this server: localhost, an IP address, or the host that it listens on.
func (a Access) allowsHost(hostport string) bool {
	host := hostOf(hostport)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && (host == "localhost" || strings.HasSuffix(host, ".localhost") || host == hostOf(a.Listen))
}

// hostOf is the host of "host", "host:port", "[address]" or "[address]:port", in lower case and without a final dot.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// bearer is the token of the Authorization header; "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameToken compares the hashes of two tokens, so that the time depends neither on their contents nor on their lengths.
func sameToken(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}
