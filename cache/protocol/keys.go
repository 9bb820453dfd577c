package protocol

import (
	"fmt"
	"strings"
)

// sidecarPrefix begins the key of every sidecar, and controlPrefix the keys of a daemon's own.
const (
	sidecarPrefix = "~:"
	controlPrefix = "~t:"
)

// Sidecar returns the key of k's sidecar, which a cluster stores in k's slot. CheckKey has accepted k.
func Sidecar(k string) string {
	if hashTag(k) != "" {
		return sidecarPrefix + k
	}
	return sidecarPrefix + "{" + k + "}"
}

// CheckKey returns an error for a key that the protocol cannot store: an empty one, one that looks like a key of the protocol's
// own, and one whose braces would move its sidecar into another slot of a cluster.
func CheckKey(k string) error {
	switch {
	case k == "":
		return fmt.Errorf("the key is empty")
	case strings.HasPrefix(k, sidecarPrefix), strings.HasPrefix(k, controlPrefix):
		return fmt.Errorf("key %q begins with %q, as keys of the protocol do", k, k[:strings.Index(k, ":")+1])
	case hashTag(k) == "" && strings.Contains(k, "}"):
		return fmt.Errorf("key %q has a } without a hash tag, so its sidecar would lie in another slot", k)
	}
	return nil
}

// hashTag returns what a cluster hashes instead of the whole key: the text between the first { and the next }. "": the whole key.
func hashTag(k string) string {
	_, rest, found := strings.Cut(k, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !found || !closed {
		return ""
	}
	return tag
}

// Control names the control keys of a source on one master.
type Control struct {
	Source string // the name of the pipeline whose sink invalidates the keys
	Tag    string // a hash tag whose slot the master owns; "": not a cluster
}

// Base returns what the names of all control keys begin with; the functions add the rest.
func (c Control) Base() string {
	if c.Tag == "" {
		return controlPrefix + c.Source
	}
	return controlPrefix + "{" + c.Tag + "}:" + c.Source
}

// Section returns the key of the namespace's section.
func (c Control) Section() string { return c.Base() + ":section" }
