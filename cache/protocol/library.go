package protocol

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

//go:embed functions.lua
var source string

// libraryName and the names of its functions have the number of the code's version.
const libraryName = "tailrace1"

// growing are the functions that a Redis without memory refuses, since they store values. Every other one runs: what it deletes
// must not stay because there is no room for its tombstone.
var growing = []string{"refresh", "lease", "fill"}

var functionNames = []string{
	"invalidate", "settle", "refresh", "heartbeat", "record", "own", "repair", "sweep", // the daemon's
	"lease", "fill", "written", "last_heartbeat", // the services'
}

// Library calls the functions in one Redis. Any goroutine may use it.
type Library struct {
	client  redis.UniversalClient
	scripts map[string]*redis.Script // the same functions for a Redis without function libraries
	eval    atomic.Bool              // call the scripts
}

// NewLibrary returns the library of a client. It contacts no server.
func NewLibrary(client redis.UniversalClient) *Library {
	l := &Library{client: client, scripts: map[string]*redis.Script{}}
	for _, name := range functionNames {
		l.scripts[name] = redis.NewScript(source + "\nreturn " + name + "(KEYS, ARGV)\n")
	}
	return l
}

// Load stores the functions in every master. A server that has them already is left as it is.
func (l *Library) Load(ctx context.Context) error {
	err := l.onEachMaster(ctx, loadFunctions)
	if err == nil {
		l.eval.Store(false)
		return nil
	}
	if !redis.HasErrorPrefix(err, "NOPERM") && !redis.HasErrorPrefix(err, "unknown command") {
		return err
	}
	if err := l.onEachMaster(ctx, l.loadScripts); err != nil {
		return err
	}
	l.eval.Store(true)
	return nil
}

func (l *Library) onEachMaster(ctx context.Context, load func(context.Context, *redis.Client) error) error {
	switch client := l.client.(type) {
	case *redis.ClusterClient:
		return client.ForEachMaster(ctx, load)
	case *redis.Client:
		return load(ctx, client)
	}
	return fmt.Errorf("unsupported Redis client %T", l.client)
}

func loadFunctions(ctx context.Context, client *redis.Client) error {
	err := client.FunctionLoad(ctx, libraryCode()).Err()
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

func (l *Library) loadScripts(ctx context.Context, client *redis.Client) error {
	for _, name := range functionNames {
		if err := l.scripts[name].Load(ctx, client).Err(); err != nil {
			return err
		}
	}
	return nil
}

// libraryCode registers the functions. They use keys of the slot's own master that no command names: the control keys.
func libraryCode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!lua name=%s\n%s", libraryName, source)
	for _, name := range functionNames {
		flags := "'allow-cross-slot-keys', 'allow-oom'"
		if slices.Contains(growing, name) {
			flags = "'allow-cross-slot-keys'"
		}
		fmt.Fprintf(&b, "redis.register_function{function_name='%s_%s', callback=%s, flags={%s}}\n", libraryName, name, name, flags)
	}
	return b.String()
}

// Call queues a call on a pipeline, or makes it on a client.
func (l *Library) Call(ctx context.Context, on redis.Cmdable, name string, keys []string, args ...any) *redis.Cmd {
	if l.eval.Load() {
		return on.EvalSha(ctx, l.scripts[name].Hash(), keys, args...)
	}
	return on.FCall(ctx, libraryName+"_"+name, keys, args...)
}

// Missing reports whether a call failed only because the server does not have the functions: Load, then call again. A Redis that
// was restarted without its data has lost them.
func Missing(err error) bool {
	return err != nil && (redis.HasErrorPrefix(err, "NOSCRIPT") || redis.HasErrorPrefix(err, "Function not found") ||
		redis.HasErrorPrefix(err, "unknown command"))
}

// Do makes a call, and loads the functions first where they are missing.
func (l *Library) Do(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	cmd := l.Call(ctx, l.client, name, keys, args...)
	if !Missing(cmd.Err()) {
		return cmd
	}
	if err := l.Load(ctx); err != nil {
		cmd.SetErr(err)
		return cmd
	}
	return l.Call(ctx, l.client, name, keys, args...)
}
