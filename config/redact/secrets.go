// Package redact finds the secrets in what is printed about pipeline files: in messages by their values, and in excerpts of a file also
// by the names of attributes.
package redact

import (
	"bytes"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/tailrace/tailrace/config/spelling"
)

// Secrets are the texts that must not be printed, and the names of the attributes that contain such texts. The zero value has
// none.
type Secrets struct {
	Names map[string]map[string]bool // by the type of the block; set before any method is called

	mu    sync.Mutex // templates evaluate after Load, on any goroutine
	texts map[string]bool
	typed map[string]bool // the values of attributes that hold a Secret: also not shown where a file has them as a literal
}

// Hidden is printed in place of a secret.
const Hidden = "(secret)"

// shortest is the length from which a secret is hidden wherever it occurs; a shorter one only as a word, or a variable of
// one letter would make every message unreadable.
const shortest = 4

// Add adds a text, the lines of a long one, and its quoted form.
func (s *Secrets) Add(text string) {
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

// AddTyped adds the value of an attribute whose type is Secret.
func (s *Secrets) AddTyped(text string) {
	s.Add(text)
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

// Literals finds the values of Secret attributes in the bytes of a file from start to end: one may come from a local.
func (s *Secrets) Literals(src []byte, start, end int) []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	var spans []Span
	for t := range s.typed {
		for at := start; ; {
			i := bytes.Index(src[at:end], []byte(t))
			if i < 0 {
				break
			}
			spans = append(spans, Span{at + i, at + i + len(t)})
			at += i + len(t)
		}
	}
	return spans
}

// addParts adds the parts of a secret between delimiters: the error of a URL that cannot be parsed quotes the part that it took for a
// port.
func (s *Secrets) addParts(text string) {
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune("/@:?#&= ", c) }) {
		if len(part) >= shortest {
			s.Add(part)
		}
	}
}

// AddValue adds the result of env() or file(), and those parts of it that are secrets by themselves.
func (s *Secrets) AddValue(text string) {
	s.Add(text)
	if strings.Contains(text, "://") {
		s.AddPassword(text)
	} else {
		s.addParts(text)
	}
}

// AddPassword adds the password of a URL, escaped or not.
func (s *Secrets) AddPassword(text string) {
	m := userinfo.FindStringSubmatch(text)
	if m == nil {
		return
	}
	s.Add(m[1])
	s.addParts(m[1])
	if p, err := url.PathUnescape(m[1]); err == nil {
		s.Add(p)
	}
}

// Scrub hides every secret in a text.
func (s *Secrets) Scrub(text string) string {
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
		oldnew = append(oldnew, p, Hidden)
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
			b.WriteString(Hidden)
		}
		text = after
	}
}

// secretWords are parts of names whose values are not shown even where no settings declare them as secrets: in locals, in blocks
// that are not enabled, in a file that does not parse.
var secretWords = regexp.MustCompile(`(?i)passw|passphrase|^pass$|^pwd?$|secret|token|credential|private_?key|api_?key|access_?key`)

// named reports whether an attribute holds a secret, in a block of that type. In a block of no known type, because the file is
// wrong, the attributes of all blocks count.
func (s *Secrets) named(block, name string) bool {
	if secretWords.MatchString(name) || spelling.Nearest(name, []string{"password", "passphrase", "secret", "token"}) != "" {
		return true // misspelt, too
	}
	_, known := s.Names[block]
	for other, attrs := range s.Names {
		if attrs[name] && (other == block || !known) {
			return true
		}
	}
	return false
}
