package config

import (
	"bytes"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/hashicorp/hcl/v2"
)

// secrets are the texts that must not be printed, and the names of the attributes that contain such texts. The zero value has
// none.
type secrets struct {
	names map[string]map[string]bool // by the type of the block

	mu    sync.Mutex // templates evaluate after Load, on any goroutine
	texts map[string]bool
	typed map[string]bool // the values of attributes that hold a Secret: also not shown where a file has them as a literal
}

// shortest is the length from which a secret is hidden wherever it occurs; a shorter one only as a word, or a variable of
// one letter would make every message unreadable.
const shortest = 4

// add adds a text, the lines of a long one, and its quoted form.
func (s *secrets) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = map[string]bool{}
	}
	for _, t := range append(strings.Split(text, "\n"), text) {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		quoted := strconv.Quote(t)
		s.texts[t], s.texts[quoted[1:len(quoted)-1]] = true, true
	}
}

// addTyped adds the value of an attribute whose type is Secret.
func (s *secrets) addTyped(text string) {
	s.add(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.typed == nil {
		s.typed = map[string]bool{}
	}
	for _, t := range strings.Split(text, "\n") {
		if t = strings.TrimSpace(t); len(t) >= shortest {
			s.typed[t] = true
		}
	}
}

// literals finds the values of Secret attributes in the bytes of a file from start to end: one may come from a local.
func (s *secrets) literals(src []byte, start, end int) []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	var spans []span
	for t := range s.typed {
		for at := start; ; {
			i := bytes.Index(src[at:end], []byte(t))
			if i < 0 {
				break
			}
			spans = append(spans, span{at + i, at + i + len(t)})
			at += i + len(t)
		}
	}
	return spans
}

// addParts adds the parts of a secret between delimiters: the error of a URL that cannot be parsed quotes the part that it took for a
// port.
func (s *secrets) addParts(text string) {
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("/@:?#&= ", c) }) {
		if len(part) >= shortest {
			s.add(part)
		}
	}
}

// addValue adds the result of env() or file(), and those parts of it that are secrets by themselves.
func (s *secrets) addValue(text string) {
	s.add(text)
	if strings.Contains(text, "://") {
		s.addPassword(text)
	} else {
		s.addParts(text)
	}
}

// addPassword adds the password of a URL, escaped or not.
func (s *secrets) addPassword(text string) {
	m := userinfo.FindStringSubmatch(text)
	if m == nil {
		return
	}
	s.add(m[1])
	s.addParts(m[1])
	if p, err := url.PathUnescape(m[1]); err == nil {
		s.add(p)
	}
}

// scrub hides every secret in a text.
func (s *secrets) scrub(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pairs []string
	for t := range s.texts {
		if len(t) >= shortest && strings.Contains(text, t) {
			pairs = append(pairs, t)
		} else if len(t) < shortest {
			text = scrubWord(text, t)
		}
	}
	slices.SortFunc(pairs, func(a, b string) int { return len(b) - len(a) }) // the replacer prefers the first
	var oldnew []string
	for _, p := range pairs {
		oldnew = append(oldnew, p, hidden)
	}
	return strings.NewReplacer(oldnew...).Replace(text)
}

func scrubWord(text, word string) string {
	inWord := func(s string, last bool) bool {
		r := []rune(s)
		if len(r) == 0 {
			return false
		}
		c := r[0]
		if last {
			c = r[len(r)-1]
		}
		return unicode.IsLetter(c) || unicode.IsDigit(c)
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, word)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if inWord(before, true) || inWord(after, false) {
			b.WriteString(word)
		} else {
			b.WriteString(hidden)
		}
		text = after
	}
}

// secretWords are parts of names whose values are not shown even where no settings declare them as secrets: in locals, in blocks
// that are not enabled, in a file that does not parse.
var secretWords = regexp.MustCompile(`(?i)passw|passphrase|^pass$|^pwd?$|secret|token|credential|private_?key|api_?key|access_?key`)

// named reports whether an attribute holds a secret, in a block of that type. In a block of no known type, because the file is
// wrong, the attributes of all blocks count.
func (s *secrets) named(block, name string) bool {
	if secretWords.MatchString(name) || nearest(name, []string{"password", "passphrase", "secret", "token"}) != "" {
		return true // misspelt, too
	}
	_, known := s.names[block]
	for other, attrs := range s.names {
		if attrs[name] && (other == block || !known) {
			return true
		}
	}
	return false
}

// secretNames are the attributes of all settings whose type is Secret, by the type of their block.
func (l *loader) secretNames() map[string]map[string]bool {
	all := map[string]map[string]bool{"daemon": {}, "locals": {}, "pipeline": {}, "source": {}, "sink": {}, "connection": {}}
	for scope, kinds := range map[string]map[string]func() any{"source": l.kinds.Sources, "sink": l.kinds.Sinks} {
		for _, k := range kinds {
			l.schemaOf(k).secretNames(scope, all)
			l.schemaOf(k).secretNames("connection", all)
		}
	}
	for name, k := range l.kinds.Steps {
		l.schemaOf(k.Settings).secretNames(name, all)
	}
	return all
}

func (l *loader) schemaOf(kind func() any) schema { return schemaOf(reflect.TypeOf(kind()).Elem()) }

// redacts reports whether a place of a file is in a text that is not shown.
func (l *loader) redacts(r hcl.Range) bool {
	src := l.report.sources[r.Filename]
	return slices.ContainsFunc(l.report.redactions(r.Filename, src), func(s span) bool {
		return s.from < r.End.Byte && r.Start.Byte < s.to
	})
}
