package syntax

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// explainSyntaxErrors parses a file that has syntax errors and explains for each what was probably meant. The parser stops at the
// first error of most blocks: the line of an error is blanked, if no bracket or quote depends on it, and the rest is parsed again.
// The parser reports an error up to three times; only the first one of a line is kept.
func explainSyntaxErrors(name string, src []byte, diags hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	lines := map[int]bool{}
	text := bytes.Clone(src)
	for range rounds {
		diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError || d.Subject == nil })
		slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Byte - b.Subject.Start.Byte })
		again := false
		for _, d := range diags {
			if lines[d.Subject.Start.Line] {
				continue
			}
			lines[d.Subject.Start.Line] = true
			out = append(out, syntaxHint(src, d))
			if d.Summary == unclosedText {
				return out // from here on strings and code are swapped
			}
			again = blank(text, d.Subject.Start.Byte) || again
		}
		if !again {
			return out
		}
		if _, diags = hclsyntax.ParseConfig(text, name, hcl.InitialPos); !diags.HasErrors() {
			return out
		}
	}
	return out
}

const (
	rounds       = 20
	unclosedText = "Invalid multi-line string"
)

// blank replaces the line at an offset with spaces, unless a bracket or quote of it belongs to another line.
func blank(text []byte, offset int) bool {
	if offset >= len(text) {
		return false
	}
	start := bytes.LastIndexByte(text[:offset], '\n') + 1
	end := len(text)
	if i := bytes.IndexByte(text[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	line := text[start:end]
	count := func(s string) int { return bytes.Count(line, []byte(s)) }
	if count("(") != count(")") || count("[") != count("]") || count("{") != count("}") || count(`"`)%2 != 0 || count("/*") != count("*/") || count("<<") > 0 {
		return false
	}
	for i := range line {
		line[i] = ' '
	}
	return true
}

// foreignOperators are operators of SQL and other languages, and how HCL writes them.
var foreignOperators = map[string]string{
	"and": "Write && for and.", "or": "Write || for or.", "not": "Write ! before what is not.",
	"in": "Write contains(list, value).", "is": "Write == for is.", "<>": "Write != for <>.",
	"like": `Write can(regex("...", value)).`, "=": "Write == to compare.", ":=": "Write = to set.",
}

// syntaxHint rewrites one syntax error.
func syntaxHint(src []byte, d *hcl.Diagnostic) *hcl.Diagnostic {
	at := *d.Subject
	rest := src[min(at.Start.Byte, len(src)):]
	word := firstWord(rest)
	switch {
	case strings.HasPrefix(d.Detail, "Single quotes"):
		return problem(at, "a string is not written in single quotes", `Write strings in double quotes: "...".`)
	case strings.Contains(d.Detail, "Curly quotes"):
		return problem(at, "a string is not written in curly quotes", `Write strings in straight double quotes: "...".`)
	case d.Summary == unclosedText:
		if i := bytes.LastIndexByte(src[:at.Start.Byte], '"'); i >= 0 {
			at = rangeAt(at.Filename, src, i, at.Start.Byte-i)
		}
		return problem(at, "this string has no closing quote", `A string ends on its line. Write several lines as <<EOT ... EOT.`)
	case d.Summary == "Attribute redefined":
		return problem(at, fmt.Sprintf("%s is defined twice", word), firstPlace(d.Detail))
	case d.Summary == "Unclosed configuration block":
		return unclosed(src, d)
	case d.Summary == "Missing newline after argument" || d.Summary == "Unbalanced parentheses" ||
		d.Summary == "Missing item separator" || d.Summary == "Missing argument separator" ||
		strings.HasPrefix(d.Summary, "Invalid expression"):
		if t := badOperator(src, at, word); t != nil {
			return t
		}
	case strings.HasPrefix(d.Summary, "Invalid template control") || strings.HasPrefix(d.Summary, "Unexpected end of template"):
		return problem(at, "a template directive is not complete", `%{ begins a directive such as %{ if ... }%{ endif }. Write %%{ for the two characters.`)
	case d.Summary == "Invalid single-argument block definition":
		return problem(at, "a block on one line holds one attribute", "Write each attribute on a line of its own.")
	case d.Summary == "Argument or block definition required" && word == "}":
		return problem(at, "this closing brace has no block", "Remove it, or look for a brace too many above.")
	case d.Summary == "Argument or block definition required":
		return problem(at, "expected an attribute or a block", `An attribute is written name = value, a block name { ... }.`)
	case d.Summary == "Invalid argument name":
		return problem(at, "an attribute's name is written without quotes", "")
	}
	d.Summary = strings.ToLower(d.Summary[:1]) + d.Summary[1:]
	d.Context = nil
	return d
}

// badOperator recognizes an operator of another language, a missing unit's quotes, or a second attribute on the line.
func badOperator(src []byte, at hcl.Range, word string) *hcl.Diagnostic {
	if at.Start.Byte > 0 && src[at.Start.Byte-1] == '<' && word == ">" {
		at.Start.Byte--
		at.Start.Column--
		word = "<>"
	}
	if hint, ok := foreignOperators[strings.ToLower(word)]; ok {
		return problem(at, fmt.Sprintf("%q is not an operator", word), hint)
	}
	before := strings.TrimRight(string(src[:at.Start.Byte]), " \t")
	if last := before[strings.LastIndexAny(before, " \t\n(=")+1:]; last == "not" {
		return problem(wordBefore(at, src, before, last), `"not" is not an operator`, foreignOperators["not"])
	}
	after := strings.TrimLeft(strings.TrimPrefix(string(src[at.Start.Byte:]), word), " \t")
	if isIdent(word) && strings.HasPrefix(after, "=") && !strings.HasPrefix(after, "==") && !inBrackets(src, at) {
		return problem(at, "two attributes on one line", "Write each attribute on a line of its own.")
	}
	if n := at.Start.Byte; n > 0 && isIdent(word) && src[n-1] >= '0' && src[n-1] <= '9' {
		return problem(at, "a number with a unit is written in quotes", `Write a string such as "30s" or "64MiB".`)
	}
	return nil
}

// inBrackets reports whether the line before a place opens a bracket that it does not close.
func inBrackets(src []byte, at hcl.Range) bool {
	line := string(src[strings.LastIndexByte(string(src[:at.Start.Byte]), '\n')+1 : at.Start.Byte])
	return strings.Count(line, "(")+strings.Count(line, "[") > strings.Count(line, ")")+strings.Count(line, "]")
}

// wordBefore is the range of a word that ends the text before a place, on its line.
func wordBefore(at hcl.Range, src []byte, before, word string) hcl.Range {
	return rangeAt(at.Filename, src, len(before)-len(word), len(word))
}

// firstWord returns the identifier or operator at the beginning of a text.
func firstWord(text []byte) string {
	end := 0
	for end < len(text) && isIdent(string(text[:end+1])) {
		end++
	}
	if end == 0 && len(text) > 0 {
		end = 1
		if strings.HasPrefix(string(text), ":=") || strings.HasPrefix(string(text), "<>") {
			end = 2
		}
	}
	return string(text[:end])
}

func isIdent(s string) bool { return hclsyntax.ValidIdentifier(s) }

// firstPlace returns the place in `The argument "a" was already set at f.hcl:1,1-2. Each argument...`.
func firstPlace(detail string) string {
	_, after, _ := strings.Cut(detail, "already set at ")
	if i := strings.LastIndexByte(strings.TrimSuffix(after, ". Each argument may be set only once."), ','); i > 0 {
		return "The first is at " + after[:i] + "."
	}
	return ""
}

// unclosed finds the block without a closing brace by its indentation: the first one whose supposed closing brace is further left
// than its own line.
func unclosed(src []byte, d *hcl.Diagnostic) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, d.Subject.Filename, hcl.InitialPos)
	var open []hcl.Range
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace:
			open = append(open, t.Range)
		case hclsyntax.TokenCBrace:
			if len(open) == 0 {
				break
			}
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if last.Start.Line != t.Range.Start.Line && indent(src, t.Range) < indent(src, last) {
				return problem(last, "this block has no closing brace", fmt.Sprintf(
					"The brace on line %d is indented like that of an outer block.", t.Range.Start.Line))
			}
		}
	}
	at := *d.Subject
	if len(open) > 0 {
		at = open[len(open)-1]
	}
	return problem(at, "this block has no closing brace", "The file ends inside of it.")
}

// indent returns how many white space characters the line of a place begins with.
func indent(src []byte, r hcl.Range) int {
	start := strings.LastIndexByte(string(src[:r.Start.Byte]), '\n') + 1
	return len(src[start:]) - len(strings.TrimLeft(string(src[start:]), " \t"))
}
