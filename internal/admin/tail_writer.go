package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"
)

// encodeLine returns a line as JSON in which no character can move a terminal's cursor, change its colours, or reverse its text.
func encodeLine(l TailLine) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return nil, err
	}
	return EscapeControls(b.Bytes()), nil
}

// EscapeControls writes the control characters that JSON permits in a text as \uXXXX: DEL, C1, and what changes the direction of text.
// They stand only inside of strings, so the result is the same JSON. Bytes that are not UTF-8 become U+FFFD. It returns line itself when it has none.
func EscapeControls(line []byte) []byte {
	at := bytes.IndexFunc(line, func(c rune) bool { return isControl(c) || c == utf8.RuneError })
	if at < 0 {
		return line
	}
	out := append(make([]byte, 0, len(line)+64), line[:at]...)
	for rest := line[at:]; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		switch {
		case isControl(c):
			out = fmt.Appendf(out, `\u%04x`, c)
		case c == utf8.RuneError && n == 1:
			out = append(out, `\ufffd`...)
		default:
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	return out
}

func isControl(c rune) bool {
	switch {
	case c >= 0x7f && c <= 0x9f, c == 0x061c, c == 0x200e, c == 0x200f, c >= 0x2028 && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0xfeff:
		return true
	}
	return c < ' ' && c != '\n' && c != '\r' && c != '\t'
}

// tailWriter writes lines to a client.
type tailWriter struct {
	conn *http.ResponseController
	out  *bufio.Writer
	err  error // the first one, after which nothing is written
}

func newTailWriter(w http.ResponseWriter) *tailWriter {
	conn := http.NewResponseController(w)
	w.Header().Set("Content-Type", tailType)
	w.WriteHeader(http.StatusOK)
	return &tailWriter{conn: conn, out: bufio.NewWriterSize(w, 32<<10)}
}

func (w *tailWriter) line(l TailLine) {
	text, err := encodeLine(l)
	if err != nil {
		text, err = encodeLine(TailLine{End: "internal error: " + err.Error()})
	}
	w.extend()
	if w.err == nil {
		_, w.err = w.out.Write(text)
	}
	if w.err == nil {
		w.err = err
	}
}

func (w *tailWriter) flush() {
	w.extend()
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err == nil {
		w.err = w.conn.Flush()
	}
}

// extend gives the client time to take what is written next: the server's own limit is for short responses.
func (w *tailWriter) extend() {
	_ = w.conn.SetWriteDeadline(time.Now().Add(stallTimeout)) // an error means that the ResponseWriter has no connection
}
