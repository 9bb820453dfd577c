package syntax

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits on a file, checked before it is parsed. The parser and the evaluation of its tree recurse once per level: 200 KB of
// parentheses end the process by a stack overflow, from which there is no recovery.
const (
	MaxFile      = 1 << 20 // bytes of a pipeline file, and of a file that file() reads: 1MiB in messages
	maxDepth     = 100     // brackets and templates inside each other
	maxOperators = 500     // in one argument, outside of its brackets: each is a level of the tree
	maxExponent  = 4       // digits of the exponent of a number: its text would have gigabytes
)

// Unreadable returns the first reason why the bytes of a file are not a text, or nil. No excerpt of such a file is shown, since it
// cannot be known where it has secrets.
func Unreadable(name string, src []byte) *hcl.Diagnostic {
	if len(src) > MaxFile {
		return problem(hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}, "the file is too large",
			"A pipeline file has at most 1MiB.")
	}
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return problem(rangeAt(name, src, 0, 1), "the file is UTF-16", "Save it as UTF-8.")
	}
	if bytes.HasPrefix(src, []byte("\ufeff")) {
		return problem(rangeAt(name, src, 0, 0), "the file begins with a byte order mark",
			"Save it as UTF-8 without a byte order mark (BOM).")
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return problem(rangeAt(name, src, i, 1), "there is a NUL byte in the file", "A pipeline file is plain UTF-8 text.")
	}
	if i := invalidUTF8(src); i >= 0 {
		return problem(rangeAt(name, src, i, 1), "the file is not UTF-8",
			fmt.Sprintf("The byte 0x%02x does not belong here. Save the file as UTF-8.", src[i]))
	}
	return nil
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// tooDeep counts brackets, templates and operators over the tokens; the scanner itself does not recurse.
func tooDeep(name string, src []byte) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	type level struct {
		operators int
		lines     bool // a newline ends an argument here
	}
	levels := []level{{lines: true}}
	for _, t := range tokens {
		top := &levels[len(levels)-1]
		switch t.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			top.operators++ // a[0][0][0] is a level each, too
			levels = append(levels, level{lines: t.Type == hclsyntax.TokenOBrace})
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			if top.lines && bytes.HasSuffix(t.Bytes, []byte("\n")) {
				top.operators = 0
			}
		case hclsyntax.TokenComma, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			top.operators = 0
		case hclsyntax.TokenNumberLit:
			if i := bytes.IndexAny(t.Bytes, "eE"); i >= 0 && len(bytes.TrimLeft(t.Bytes[i+1:], "+-0")) > maxExponent {
				return problem(t.Range, "the number is too large", fmt.Sprintf("An exponent has at most %d digits.", maxExponent))
			}
		case hclsyntax.TokenIdent, hclsyntax.TokenEqual:
		default:
			top.operators++
		}
		if len(levels) > maxDepth {
			return problem(t.Range, "nested too deep",
				fmt.Sprintf("Brackets and templates may be nested %d levels deep.", maxDepth))
		}
		if levels[len(levels)-1].operators > maxOperators {
			return problem(t.Range, "the expression is too long",
				fmt.Sprintf("An expression has at most %d operators in a row. Split it with locals.", maxOperators))
		}
	}
	return nil
}

// rangeAt is the range of n bytes at an offset, on one line.
func rangeAt(name string, src []byte, offset, n int) hcl.Range {
	line := 1 + bytes.Count(src[:offset], []byte("\n"))
	start := bytes.LastIndexByte(src[:offset], '\n') + 1
	col := 1 + utf8.RuneCount(src[start:offset])
	return hcl.Range{
		Filename: name,
		Start:    hcl.Pos{Line: line, Column: col, Byte: offset},
		End:      hcl.Pos{Line: line, Column: col + n, Byte: offset + n},
	}
}

// problem is an error at a place.
func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}
