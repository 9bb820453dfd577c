package functions

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

//nolint:gosec // it is no signature
//nolint:gosec // it is no signature

// hashFunctions give lower-case hex.
var hashFunctions = map[string]Function{
	"hmac": {params: []param{textParam, textParam}, result: returns(eval.TextType), call: hmacSHA256},
	"md5": onText(func(f *eval.Frame, s []byte) []byte {
		f.Spend(hashWork * len(s))
		sum := md5.Sum(s) //nolint:gosec // it is no signature
		return hexText(f, sum[:])
	}),
	"sha1": onText(func(f *eval.Frame, s []byte) []byte {
		f.Spend(hashWork * len(s))
		sum := sha1.Sum(s) //nolint:gosec // it is no signature
		return hexText(f, sum[:])
	}),
	"sha256": onText(func(f *eval.Frame, s []byte) []byte {
		f.Spend(hashWork * len(s))
		sum := sha256.Sum256(s)
		return hexText(f, sum[:])
	}),
	"sha512": onText(func(f *eval.Frame, s []byte) []byte {
		f.Spend(hashWork * len(s))
		sum := sha512.Sum512(s)
		return hexText(f, sum[:])
	}),
}

// hashWork is the work per byte, without instructions of the processor for it.
const hashWork = 6

func hexText(f *eval.Frame, sum []byte) []byte {
	start := len(f.Arena)
	f.Arena = hex.AppendEncode(f.Arena, sum)
	return f.Kept(start)
}

// keyed is an HMAC with the key of the last row: the key is usually the same for all.
type keyed struct {
	key string
	mac hash.Hash
	sum [sha256.Size]byte
}

// hmacSHA256 is hmac(value, key).
func hmacSHA256(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	if !f.Spend(hashWork * (len(a[0].Bytes) + len(a[1].Bytes))) {
		return eval.Value{Kind: eval.Failed}
	}
	k, _ := s.state.(*keyed)
	if k == nil || k.key != string(a[1].Bytes) {
		k = &keyed{key: string(a[1].Bytes), mac: hmac.New(sha256.New, a[1].Bytes)}
		s.state = k
	}
	k.mac.Reset()
	k.mac.Write(a[0].Bytes)
	return eval.Text(hexText(f, k.mac.Sum(k.sum[:0])))
}
