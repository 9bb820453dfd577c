package eventtest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// edit replaces the bytes of a file from one offset up to another.
type edit struct {
	from, to int
	text     string
}

// Updated returns the text of the test file with what has come in place of what was expected. Expectations that hold, comments and
// everything else stay; the text is formatted.
func (f *File) Updated(results []*Result) ([]byte, error) {
	u := updater{file: f}
	for _, r := range results {
		for i := range r.Sinks {
			if s := &r.Sinks[i]; s.Expected == nil {
				u.addExpectation(r.Case, s)
			} else if len(s.Failures) > 0 {
				u.updateExpectation(s)
			}
		}
	}
	text := config.Format(u.apply())
	if _, diags := hclsyntax.ParseConfig(text, f.Name, hcl.InitialPos); diags.HasErrors() {
		return nil, fmt.Errorf("update %s: the new text cannot be parsed, so the file is unchanged: %w", f.Name, diags)
	}
	return text, nil
}

// updater collects the edits of a file.
type updater struct {
	file  *File
	edits []edit
}

// apply returns the text with the edits. Those at one offset keep their order.
func (u *updater) apply() []byte {
	slices.SortStableFunc(u.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	src, at := u.file.document.Source, 0
	for _, e := range u.edits {
		out.Write(src[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(src[at:])
	return out.Bytes()
}

// block returns the syntax of the block at a place.
func (u *updater) block(at hcl.Range) *hclsyntax.Block { return u.file.blocks[at.Start.Byte] }

// insertAtEnd inserts lines before the closing brace of a block.
func (u *updater) insertAtEnd(b *hclsyntax.Block, text string) {
	at := b.CloseBraceRange.Start.Byte
	before := u.file.document.Source[:at]
	if line := bytes.TrimRight(before, " \t"); bytes.HasSuffix(line, []byte("\n")) {
		at = len(line)
	} else {
		text = "\n" + text
	}
	u.edits = append(u.edits, edit{at, at, text})
}

// insertEvent inserts an event block after what ends at an offset: another one, or the brace that opens its expect block.
func (u *updater) insertEvent(after int, first bool, text string) {
	rest, _, lines := bytes.Cut(u.file.document.Source[after:], []byte("\n"))
	comment := bytes.TrimLeft(rest, " \t\r")
	if !lines || len(comment) > 0 && comment[0] != '#' && !bytes.HasPrefix(comment, []byte("//")) {
		u.edits = append(u.edits, edit{after, after, "\n" + text})
		return
	}
	text = "\n" + strings.TrimSuffix(text, "\n")
	if !first {
		text = "\n" + text
	}
	after += len(rest)
	u.edits = append(u.edits, edit{after, after, text})
}

// addExpectation adds the expect block of a sink to a case that has none.
func (u *updater) addExpectation(c *Case, s *SinkResult) {
	var events []string
	for i := range s.Events {
		events = append(events, s.eventText(&s.Events[i]))
	}
	text := strings.Join(events, "\n")
	if s.Stop != nil {
		text += stopText(s.Stop)
	}
	u.insertAtEnd(u.block(c.Place), fmt.Sprintf("\nexpect %s {\n%s}\n", quote(s.Sink), text))
}

// updateExpectation edits the events of an expect block.
func (u *updater) updateExpectation(s *SinkResult) {
	expect := u.block(s.Expected.Place)
	after, first := expect.OpenBraceRange.End.Byte, true // where the next new event goes
	for _, p := range s.pairs() {
		switch {
		case p.want < 0:
			u.insertEvent(after, first, s.eventText(&s.Events[p.got]))
		case p.got < 0:
			b := u.block(s.Expected.Events[p.want].Place)
			u.remove(b.TypeRange.Start.Byte, b.CloseBraceRange.End.Byte)
			continue
		default:
			u.updateEvent(&s.Expected.Events[p.want], &s.Events[p.got])
			after = u.block(s.Expected.Events[p.want].Place).CloseBraceRange.End.Byte
		}
		first = false
	}
	u.updateStop(expect, s)
}

// remove removes a block or an attribute, with its lines when nothing else is on them, and with a blank line before it.
func (u *updater) remove(from, to int) {
	src := u.file.document.Source
	before, rest := bytes.TrimRight(src[:from], " \t"), bytes.TrimLeft(src[to:], " \t\r")
	if bytes.HasSuffix(before, []byte("\n")) && bytes.HasPrefix(rest, []byte("\n")) {
		from, to = len(before), len(src)-len(rest)+1
		if bytes.HasSuffix(before, []byte("\n\n")) {
			from--
		}
	}
	u.edits = append(u.edits, edit{from, to, ""})
}

// updateEvent edits the attributes that differ.
func (u *updater) updateEvent(want *Expected, got *preview.Event) {
	b := u.block(want.Place)
	if want.Type != got.Type {
		at := b.LabelRanges[0]
		u.edits = append(u.edits, edit{at.Start.Byte, at.End.Byte, quote(got.Type)})
	}
	for i := range want.Fields {
		f := &want.Fields[i]
		one := Expected{Type: got.Type, Fields: want.Fields[i : i+1]}
		if one.matches(got) {
			continue
		}
		value := f.of(got)
		if f.Name == "key" {
			value = keyValue(got)
		}
		a := b.Body.Attributes[f.Name]
		u.edits = append(u.edits, edit{a.EqualsRange.End.Byte, a.SrcRange.End.Byte, " " + text(value)})
	}
}

// updateStop edits what stops the sink.
func (u *updater) updateStop(expect *hclsyntax.Block, s *SinkResult) {
	if slices.Equal(stopped(s.Expected.Rejected, s.Expected.Halted), s.stopped()) {
		return
	}
	for _, name := range []string{"rejected", "halted"} {
		if a := expect.Body.Attributes[name]; a != nil {
			u.remove(a.SrcRange.Start.Byte, a.SrcRange.End.Byte)
		}
	}
	if s.Stop != nil {
		u.insertAtEnd(expect, stopText(s.Stop))
	}
}

func (s *SinkResult) stopped() []string {
	if s.Stop == nil {
		return nil
	}
	return stopped(s.Stop.Rejected, s.Stop.Halted)
}
