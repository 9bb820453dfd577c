package expr

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // it is no signature
	"crypto/sha1" //nolint:gosec // it is no signature
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
)

// hashFunctions give lower-case hex.
var hashFunctions = map[string]function{
	"hmac": {params: []param{textParam, textParam}, result: returns(textType), call: hmacSHA256},
	"md5": onText(func(f *frame, s []byte) []byte {
		f.spend(hashWork * len(s))
		sum := md5.Sum(s) //nolint:gosec // it is no signature
		return hexText(f, sum[:])
	}),
	"sha1": onText(func(f *frame, s []byte) []byte {
		f.spend(hashWork * len(s))
		sum := sha1.Sum(s) //nolint:gosec // it is no signature
		return hexText(f, sum[:])
	}),
	"sha256": onText(func(f *frame, s []byte) []byte {
		f.spend(hashWork * len(s))
		sum := sha256.Sum256(s)
		return hexText(f, sum[:])
	}),
	"sha512": onText(func(f *frame, s []byte) []byte {
		f.spend(hashWork * len(s))
		sum := sha512.Sum512(s)
		return hexText(f, sum[:])
	}),
}

// hashWork is the work per byte, without instructions of the processor for it.
const hashWork = 6

func hexText(f *frame, sum []byte) []byte {
	start := len(f.arena)
	f.arena = hex.AppendEncode(f.arena, sum)
	return f.kept(start)
}

// keyed is an HMAC with the key of the last row: the key is usually the same for all.
type keyed struct {
	key string
	mac hash.Hash
	sum [sha256.Size]byte
}

// hmacSHA256 is hmac(value, key).
func hmacSHA256(f *frame, s *site, a []val) val {
	if !f.spend(hashWork * (len(a[0].b) + len(a[1].b))) {
		return val{kind: failed}
	}
	k, _ := s.state.(*keyed)
	if k == nil || k.key != string(a[1].b) {
		k = &keyed{key: string(a[1].b), mac: hmac.New(sha256.New, a[1].b)}
		s.state = k
	}
	k.mac.Reset()
	k.mac.Write(a[0].b)
	return textVal(hexText(f, k.mac.Sum(k.sum[:0])))
}
