package jsonvalue

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
)

// appendBytes converts bytea's hex to base64, in chunks: a value may have hundreds of megabytes.
func appendBytes(dst, text []byte) []byte {
	digits, ok := bytes.CutPrefix(text, []byte(`\x`))
	if !ok {
		return AppendString(dst, text)
	}
	start := len(dst)
	dst = append(dst, '"')
	var piece [3 * 256]byte // base64 encodes three bytes at a time
	for len(digits) > 0 {
		n, err := hex.Decode(piece[:], digits[:min(len(digits), 2*len(piece))])
		if err != nil {
			return AppendString(dst[:start], text)
		}
		dst = base64.StdEncoding.AppendEncode(dst, piece[:n])
		digits = digits[2*n:]
	}
	return append(dst, '"')
}
