package protocol_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// vectors is testdata/vectors.json, which clients in other languages run too. docs/caching.md describes it.
type vectors struct {
	Library string
	Keys    []struct {
		Key     string
		Sidecar *string // nil: the key is refused
	}
	Positions []struct{ Type, Postgres, Text string }
	Cases     []struct {
		Name  string
		Steps []step
	}
}

// step is a call of a function, a command of Redis (in capitals), or a pause in milliseconds.
type step struct {
	Call   string
	Keys   []string
	Args   []string
	Answer any
	Pause  int
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOfKeysAndPositions(t *testing.T) {
	v := readVectors(t)
	for _, x := range v.Keys {
		switch err := protocol.CheckKey(x.Key); {
		case (err == nil) != (x.Sidecar != nil):
			t.Errorf("key %q: %v", x.Key, err)
		case err == nil && protocol.Sidecar(x.Key) != *x.Sidecar:
			t.Errorf("key %q: %q, want %q", x.Key, protocol.Sidecar(x.Key), *x.Sidecar)
		}
	}
	for _, x := range v.Positions {
		n, err := strconv.ParseUint(x.Postgres, 10, 64)
		if x.Type == "lsn" {
			var lsn pglogrepl.LSN
			lsn, err = pglogrepl.ParseLSN(x.Postgres)
			n = uint64(lsn)
		}
		if got := fmt.Sprintf("%016x", n); got != x.Text || err != nil {
			t.Errorf("%s: %s, %v", x.Postgres, got, err)
		}
	}
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	modes(t, func(r *rig) {
		called := map[string]bool{}
		for _, c := range v.Cases {
			if err := r.client.FlushDB(r.Context()).Err(); err != nil {
				r.Fatal(err)
			}
			for i, s := range c.Steps {
				called[s.Call] = true
				if err := r.step(s); err != nil {
					r.Errorf("%s: step %d: %v", c.Name, i+1, err)
					break
				}
			}
		}
		for _, name := range []string{
			"invalidate", "settle", "refresh", "heartbeat", "record", "own", "repair", "sweep", "lease", "fill", "written", "last_heartbeat",
		} {
			if !called[name] {
				r.Errorf("no vector calls %s", name)
			}
		}
	})
}

// step runs a step and compares its answer.
func (r *rig) step(s step) error {
	if s.Pause > 0 {
		time.Sleep(time.Duration(s.Pause) * time.Millisecond)
		return nil
	}
	now, err := r.client.Time(r.Context()).Result()
	if err != nil {
		return err
	}
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		args[i] = argument(a, now)
	}
	var cmd *redis.Cmd
	if s.Call[0] < 'a' {
		cmd = r.client.Do(r.Context(), append([]any{s.Call}, args...)...)
	} else {
		cmd = r.lib.Do(r.Context(), s.Call, s.Keys, args...)
	}
	got, err := cmd.Result()
	if errors.Is(err, redis.Nil) {
		got, err = nil, nil
	}
	if err == nil && !matches(got, s.Answer, now) {
		err = fmt.Errorf("%s %q %q: %#v, want %#v", s.Call, s.Keys, args, got, s.Answer)
	}
	return err
}

var (
	timeArgument = regexp.MustCompile(`^\{now([+-]\d+)\}$`)
	numberRange  = regexp.MustCompile(`^\{(\d+)\.\.(\d+)\}$`)
)

// argument replaces {now+60000} by the server's time and so many milliseconds.
func argument(a string, now time.Time) string {
	if m := timeArgument.FindStringSubmatch(a); m != nil {
		ms, _ := strconv.ParseInt(m[1], 10, 64)
		return strconv.FormatInt(now.UnixMilli()+ms, 10)
	}
	return a
}

// matches compares an answer with the one of a vector, in which {1..3000} is a number of that range and {now} the server's time.
func matches(got, want any, now time.Time) bool {
	if list, is := want.([]any); is {
		texts, is := got.([]any)
		if !is || len(texts) != len(list) {
			return false
		}
		for i := range list {
			if !matches(texts[i], list[i], now) {
				return false
			}
		}
		return true
	}
	if n, is := want.(float64); is {
		return got == int64(n)
	}
	text, _ := want.(string)
	low, high := now.UnixMilli(), now.UnixMilli()+10_000
	switch m := numberRange.FindStringSubmatch(text); {
	case m != nil:
		low, _ = strconv.ParseInt(m[1], 10, 64)
		high, _ = strconv.ParseInt(m[2], 10, 64)
	case text != "{now}":
		return reflect.DeepEqual(got, want)
	}
	n, err := strconv.ParseInt(fmt.Sprint(got), 10, 64)
	return err == nil && low <= n && n <= high
}
