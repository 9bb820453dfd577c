package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// headersTimeout is how long a daemon may take to answer a tail.
	headersTimeout = 10 * time.Second
	// lineBytes bounds a line of a tail.
	lineBytes = 8 << 20
)

// ErrRefused is the error for a token that the daemon does not accept, and for a daemon that has none.
var ErrRefused = errors.New("refused")

// Tail calls each with every line of a tail: as it came, with no character that can move a terminal's cursor, and parsed. It returns nil
// after the last line of a tail that does not follow, and an error when one that follows ends, or each has returned one.
func (c *Client) Tail(ctx context.Context, pipeline, token string, q TailQuery, each func(text []byte, l *TailLine) error) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headersTimeout}
	defer transport.CloseIdleConnections()
	resp, err := c.openTail(ctx, &http.Client{Transport: transport}, pipeline, token, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, lineBytes)
	for lines.Scan() {
		var l TailLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("what answers at %s is not tailrace: %w", c.base, err)
		}
		if l.End != "" {
			return errors.New(l.End)
		}
		if err := each(EscapeControls(lines.Bytes()), &l); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return fmt.Errorf("the connection to %s broke: %w", c.base, err)
	case q.Follow:
		return fmt.Errorf("the daemon at %s has ended the tail", c.base)
	}
	return nil
}

func (c *Client) openTail(ctx context.Context, h *http.Client, pipeline, token string, q TailQuery) (*http.Response, error) {
	v := url.Values{"n": {strconv.Itoa(q.N)}}
	if q.Sink != "" {
		v.Set("sink", q.Sink)
	}
	if q.Follow {
		v.Set("follow", "1")
	}
	address := c.base + "/api/v1/pipelines/" + url.PathEscape(pipeline) + "/tail?" + v.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := h.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers: %w", err)
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), tailType) {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyBytes))
	if err != nil {
		return nil, fmt.Errorf("read the response of %s: %w", c.base, err)
	}
	err = errorOf(c.base, resp.StatusCode, body)
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil, err
}
