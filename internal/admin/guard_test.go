package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pausing is a server whose one call that changes state counts its calls.
func pausing(a Access) (h http.Handler, calls *int) {
	calls = new(int)
	r := routes{mux: http.NewServeMux(), access: a}
	r.change("/api/v1/pipelines/{name}/pause", http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, err := io.ReadAll(req.Body); err != nil {
			replyError(w, http.StatusRequestEntityTooLarge, err.Error())
			return
		}
		*calls++
		reply(w, http.StatusOK, req.PathValue("name"))
	}))
	return withHeaders(r.mux), calls
}

// post is a valid request to change state.
func post(change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/pipelines/orders/pause", strings.NewReader("{}"))
	r.Host = "127.0.0.1:9187"
	r.Header.Set("Authorization", "Bearer s3cret-token")
	change(r)
	return r
}

func TestGuard(t *testing.T) {
	access := Access{Token: "s3cret-token", Listen: "Tailrace.internal:9187"}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, c := range []struct {
		name   string
		access Access
		change func(*http.Request)
		code   int
		want   string // in the error
	}{
		{"valid", access, func(*http.Request) {}, 200, ""},
		{"scheme in lower case", access, header("Authorization", "bearer  s3cret-token"), 200, ""},
		{"no token", access, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Authorization: Bearer TOKEN"},
		{"empty token", access, header("Authorization", "Bearer "), 401, "missing or wrong"},
		{"wrong token", access, header("Authorization", "Bearer s3cret-tokem"), 401, "missing or wrong"},
		{"prefix of the token", access, header("Authorization", "Bearer s3cret"), 401, "missing or wrong"},
		{"longer token", access, header("Authorization", "Bearer s3cret-token2"), 401, "missing or wrong"},
		{"other scheme", access, header("Authorization", "Basic s3cret-token"), 401, "missing or wrong"},
		{"token without a scheme", access, header("Authorization", "s3cret-token"), 401, "missing or wrong"},
		{"no token configured", Access{}, func(*http.Request) {}, 403, "set token in the daemon block"},
		{"no token configured, empty one sent", Access{}, header("Authorization", "Bearer "), 403, "set token in the daemon block"},

		{"IPv6", access, host("[::1]:9187"), 200, ""},
		{"IPv6 without a port", access, host("[::1]"), 200, ""},
		{"IPv4 without a port", access, host("10.1.2.3"), 200, ""},
		{"localhost", access, host("localhost:9187"), 200, ""},
		{"localhost with a dot", access, host("LocalHost.:9187"), 200, ""},
		{"below localhost", access, host("tailrace.localhost:1"), 200, ""},
		{"the host of listen", access, host("tailrace.internal:80"), 200, ""},
		{"DNS rebinding", access, host("rebind.example:9187"), 403, `calls to the host "rebind.example:9187" must not change state`},
		{"ends like localhost", access, host("evil-localhost"), 403, "must not change state"},
		{"begins like an address", access, host("127.0.0.1.example"), 403, "must not change state"},
		{"no host", access, host(""), 403, "must not change state"},
		{"no host, listen on all addresses", Access{Token: "s3cret-token", Listen: ":9187"}, host(""), 403, "must not change state"},

		{"own origin", access, header("Origin", "http://127.0.0.1:9187"), 200, ""},
		{"another origin", access, header("Origin", "https://example.com"), 403, "another origin"},
		{"another port", access, header("Origin", "http://127.0.0.1:3000"), 403, "another origin"},
		{"opaque origin", access, header("Origin", "null"), 403, "another origin"},
		{"cross-site", access, header("Sec-Fetch-Site", "cross-site"), 403, "another origin"},
		{"same-site", access, header("Sec-Fetch-Site", "same-site"), 403, "another origin"},

		{"large body", access, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", bodyBytes+1))) }, 413, "too large"},
	} {
		h, calls := pausing(c.access)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(c.change))
		var body errorBody
		if c.code != 200 {
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Errorf("%s: %v: %s", c.name, err, w.Body)
			}
		}
		if w.Code != c.code || !strings.Contains(body.Error, c.want) {
			t.Errorf("%s: %d %s; want %d with %q", c.name, w.Code, w.Body, c.code, c.want)
		}
		if changed := *calls > 0; changed != (c.code == 200) {
			t.Errorf("%s: the handler was called %d times", c.name, *calls)
		}
		if strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s: the answer shows the token: %s", c.name, w.Body)
		}
		if c.code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", c.name)
		}
	}
}

// A call that changes state is a POST: a link or an image of a page cannot make it.
func TestGuardAllowsPOSTAlone(t *testing.T) {
	h, calls := pausing(Access{Token: "s3cret-token"})
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(func(r *http.Request) { r.Method = method }))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || *calls > 0 {
			t.Errorf("%s: %d, Allow %q, %d calls", method, w.Code, w.Header().Get("Allow"), *calls)
		}
	}
}

// What only shows something needs no token, and answers under any name: a scrape comes by the name of a service.
func TestReadsNeedNoToken(t *testing.T) {
	srv := serve(t, &fixed{})
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/pipelines"} {
		req, err := http.NewRequest(http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "tailrace.monitoring.svc:9187"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
