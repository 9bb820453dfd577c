package redact

import (
	"bytes"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config/spelling"
)

// Span is a part of a file's text that is not shown in an excerpt.
type Span struct{ From, To int } // bytes of the file

var (
	// The password of a URL, up to the last @ before a quote: one that is not escaped may hold an @ or a slash.
	userinfo = regexp.MustCompile(`://[^\s/@:"]*:([^"\n]*)@`)
	// The same before an interpolation: "postgres://user:begin${env("REST")}@host".
	userinfoPart = regexp.MustCompile(`://[^\s/@:"]*:([^"\n$]+)\$\{`)
	// A password among settings or in a query: "host=db password=x", "?sslpassword=x".
	parameter = regexp.MustCompile(`(?i)\b\w*(?:password|passwd|pwd|secret|token)=([^\s&"';]+)`)
	call      = regexp.MustCompile(`\A(\w+)\(`)
)

// Spans finds the texts of a file that an excerpt must not show, in their order: the values of attributes that hold secrets, and
// passwords in strings. It works on tokens, because the file may not parse and its blocks may not be known.
func (s *Secrets) Spans(src []byte) []Span {
	spans := s.assigned(src)
	for _, rx := range []*regexp.Regexp{userinfo, userinfoPart} {
		for _, m := range rx.FindAllSubmatchIndex(src, -1) {
			spans = append(spans, Span{m[2], m[3]})
		}
	}
	for _, m := range parameter.FindAllSubmatchIndex(src, -1) {
		value := src[m[2]:m[3]]
		c := call.FindSubmatch(value)
		if !bytes.HasPrefix(value, []byte("local.")) && (c == nil || spelling.Nearest(string(c[1]), []string{"env", "file"}) == "") {
			spans = append(spans, Span{m[2], m[3]})
		}
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.From - b.From })
	return spans
}

// assigned finds `name = value` and `name: value` for the names of secrets.
func (s *Secrets) assigned(src []byte) []Span {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	var spans []Span
	var blocks []string // that are open; "" for a bracket of another kind
	line := 0           // the first token of this one
	for i := 0; i < len(tokens); i++ {
		switch tokens[i].Type {
		case hclsyntax.TokenNewline:
			line = i + 1
		case hclsyntax.TokenComment:
			if i == line || endsLine(tokens[i]) {
				line = i + 1
			}
		case hclsyntax.TokenOBrace:
			blocks = append(blocks, string(tokens[line].Bytes))
			line = i + 1
		case hclsyntax.TokenCBrace:
			blocks = blocks[:max(0, len(blocks)-1)]
		}
		block := ""
		if len(blocks) > 0 {
			block = blocks[len(blocks)-1]
		}
		if s.begins(tokens, i, block) {
			value := statement(tokens[i+1:])
			spans = append(spans, redactValue(value)...)
			i += len(value)
		}
	}
	return spans
}

// begins reports whether the token before a secret's value is at i: an equals sign, a colon, or a name with the sign missing.
func (s *Secrets) begins(tokens hclsyntax.Tokens, i int, block string) bool {
	t := tokens[i]
	switch t.Type {
	case hclsyntax.TokenEqual, hclsyntax.TokenColon:
		if i >= 1 && tokens[i-1].Type == hclsyntax.TokenIdent {
			return s.named(block, string(tokens[i-1].Bytes))
		}
		return i >= 2 && tokens[i-1].Type == hclsyntax.TokenCQuote && s.named(block, string(tokens[i-2].Bytes))
	case hclsyntax.TokenIdent:
		return i+1 < len(tokens) && tokens[i+1].Type == hclsyntax.TokenOQuote && s.named(block, string(t.Bytes))
	}
	return false
}

// statement is a value's tokens: up to the end of the line, a comma or a closing bracket, outside of brackets of its own.
func statement(tokens hclsyntax.Tokens) hclsyntax.Tokens {
	depth := 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth < 0 {
				return tokens[:i]
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			if depth == 0 {
				return tokens[:i]
			}
		case hclsyntax.TokenComment:
			if depth == 0 && endsLine(t) {
				return tokens[:i+1]
			}
		case hclsyntax.TokenEOF:
			return tokens[:i]
		}
	}
	return tokens
}

// endsLine reports whether a token is a comment up to the end of its line: no newline token follows it.
func endsLine(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n"))
}

// redactValue hides literals, and leaves what only refers to a secret: env("NAME"), file("/path"), local.name. Where
// the value is not well formed, a password without proper quotes, all of it is hidden up to the end of the line.
func redactValue(tokens hclsyntax.Tokens) []Span {
	var spans []Span
	var places []bool // of the quoted texts that are open: is this one the name of a place?
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOQuote:
			places = append(places, namesPlace(tokens[:i]))
		case hclsyntax.TokenCQuote:
			places = places[:max(0, len(places)-1)]
		case hclsyntax.TokenQuotedLit:
			if len(places) == 0 || !places[len(places)-1] {
				spans = append(spans, Span{t.Range.Start.Byte, t.Range.End.Byte})
			}
		case hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit:
			spans = append(spans, Span{t.Range.Start.Byte, t.Range.End.Byte})
		case hclsyntax.TokenIdent:
			if !isReference(tokens, i) {
				return spanOf(tokens)
			}
		case hclsyntax.TokenComment, hclsyntax.TokenOHeredoc, hclsyntax.TokenCHeredoc, hclsyntax.TokenOParen, hclsyntax.TokenCParen, hclsyntax.TokenDot,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenComma, hclsyntax.TokenNewline:
		default:
			return spanOf(tokens)
		}
	}
	return spans
}

func spanOf(tokens hclsyntax.Tokens) []Span {
	first, last := tokens[0], tokens[len(tokens)-1]
	return []Span{{first.Range.Start.Byte, first.Range.Start.Byte + (last.Range.End.Byte - first.Range.Start.Byte)}}
}

// isReference reports whether an identifier is a function's name, or a part of local.name.
func isReference(tokens hclsyntax.Tokens, i int) bool {
	name := string(tokens[i].Bytes)
	return i+1 < len(tokens) && tokens[i+1].Type == hclsyntax.TokenOParen && tokens[i+1].Range.Start.Byte == tokens[i].Range.End.Byte ||
		name == "null" || spelling.Nearest(name, []string{"local"}) != "" || i >= 2 && tokens[i-1].Type == hclsyntax.TokenDot &&
		spelling.Nearest(string(tokens[i-2].Bytes), []string{"local"}) != ""
}

// namesPlace reports whether a quoted text that follows is the first argument of env() or file(), misspelt or not.
func namesPlace(before hclsyntax.Tokens) bool {
	for _, want := range []hclsyntax.TokenType{hclsyntax.TokenOParen, hclsyntax.TokenIdent} {
		for len(before) > 0 && before[len(before)-1].Type == hclsyntax.TokenComment {
			before = before[:len(before)-1]
		}
		if len(before) == 0 || before[len(before)-1].Type != want {
			return false
		}
		if want == hclsyntax.TokenIdent {
			return spelling.Nearest(string(before[len(before)-1].Bytes), []string{"env", "file"}) != ""
		}
		before = before[:len(before)-1]
	}
	return false
}
