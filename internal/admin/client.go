package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// answerBytes bounds what a client reads of a response.
const answerBytes = 64 << 20

// ErrNoPipeline is the error for a pipeline that the daemon does not have.
var ErrNoPipeline = errors.New("no such pipeline")

// Client calls the API of a daemon. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client of the daemon at base, such as "http://127.0.0.1:9187".
func NewClient(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not a URL such as http://127.0.0.1:9187", base)
	}
	return &Client{base: strings.TrimRight(base, "/"), http: &http.Client{Timeout: 10 * time.Second}}, nil
}

// Statuses returns the status of all pipelines.
func (c *Client) Statuses(ctx context.Context) ([]pipeline.Status, error) {
	var list []pipeline.Status
	err := c.get(ctx, "/api/v1/pipelines", &list)
	return list, err
}

// Status returns the status of one pipeline. The error wraps ErrNoPipeline when the daemon has none of that name.
func (c *Client) Status(ctx context.Context, name string) (pipeline.Status, error) {
	var st pipeline.Status
	err := c.get(ctx, "/api/v1/pipelines/"+url.PathEscape(name), &st)
	return st, err
}

// End returns the current end of the WAL of the pipeline's source.
func (c *Client) End(ctx context.Context, name string) (capture.LSN, error) {
	var w WAL
	err := c.get(ctx, "/api/v1/pipelines/"+url.PathEscape(name)+"/wal", &w)
	return w.LSN, err
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.base, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("no daemon answers: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerBytes))
	if err != nil {
		return fmt.Errorf("read the response of %s: %w", c.base, err)
	}
	if resp.StatusCode != http.StatusOK {
		return errorOf(c.base, resp.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("what answers at %s is not tailrace: %w", c.base, err)
	}
	return nil
}

func errorOf(base string, code int, body []byte) error {
	var r errorBody
	if json.Unmarshal(body, &r) != nil || r.Error == "" {
		return fmt.Errorf("what answers at %s is not tailrace: %s", base, http.StatusText(code))
	}
	if code == http.StatusNotFound {
		return fmt.Errorf("%w: %s", ErrNoPipeline, r.Error)
	}
	return errors.New(r.Error)
}
