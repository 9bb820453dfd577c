package expr

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// Limits on numbers. A numeric of Postgres has up to 147,455 digits.
const (
	maxDigits   = 200_000
	maxScale    = 100_000
	maxBits     = 700_000
	quoteDigits = 40 // significant digits of a quotient that is no finite decimal
)

// num is a decimal number: i / 10^scale, or big / 10^scale where big is set.
type num struct {
	i     int64
	scale int32
	big   *big.Int
}

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// parseNum reads a number as Postgres and JSON print it.
func parseNum(s []byte) (n num, ok bool) {
	digits, scale, point := 0, 0, false
	i := 0
	negative := len(s) > 0 && s[0] == '-'
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' || digits == 18 {
			return parseLong(s)
		}
		n.i = n.i*10 + int64(c-'0')
		digits++
		if point {
			scale++
		}
	}
	if negative {
		n.i = -n.i
	}
	n.scale = int32(scale)
	return n, digits > 0
}

// parseLong reads a number of any form and length.
func parseLong(s []byte) (n num, ok bool) {
	if len(s) > maxDigits {
		return n, false
	}
	exponent := 0
	digits := make([]byte, 0, len(s))
	point, seen := false, false
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits, seen = append(digits, c), true
			if point {
				exponent--
			}
			continue
		case (c == '-' || c == '+') && i == 0:
			digits = append(digits, c)
			continue
		case c == '.' && !point:
			point = true
			continue
		case (c == 'e' || c == 'E') && seen:
			e, err := strconv.Atoi(string(s[i+1:]))
			if err != nil || e > maxScale || e < -maxScale {
				return n, false
			}
			exponent += e
		default:
			return n, false
		}
		break
	}
	if !seen {
		return n, false
	}
	b, ok := new(big.Int).SetString(string(digits), 10)
	if !ok || exponent < -maxScale || exponent+len(digits) > maxDigits {
		return n, false
	}
	if exponent > 0 {
		b.Mul(b, tenTo(exponent))
		exponent = 0
	}
	return small(num{big: b, scale: int32(-exponent)}), true
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// small returns the number without big where it has a place in an int64.
func small(n num) num {
	if n.big != nil && n.big.IsInt64() && n.big.Int64() != math.MinInt64 {
		return num{i: n.big.Int64(), scale: n.scale}
	}
	return n
}

// coefficient returns the number times 10^scale, which must not be less than its own.
func (n num) coefficient(scale int32) *big.Int {
	b := n.big
	if b == nil {
		b = big.NewInt(n.i)
	}
	if d := int(scale - n.scale); d > 0 {
		return new(big.Int).Mul(b, tenTo(d))
	}
	return b
}

// rescaled returns the coefficient at a larger scale, and false when it has no place in an int64.
func (n num) rescaled(scale int32) (int64, bool) {
	d := scale - n.scale
	if d == 0 {
		return n.i, n.big == nil
	}
	if n.big != nil || d >= int32(len(pow10)) {
		return 0, false
	}
	return mul64(n.i, pow10[d])
}

func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// cmpNum compares numbers: -1, 0 or 1.
func cmpNum(a, b num) int {
	scale := max(a.scale, b.scale)
	x, ok := a.rescaled(scale)
	y, ok2 := b.rescaled(scale)
	if ok && ok2 {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return a.coefficient(scale).Cmp(b.coefficient(scale))
}

func (n num) sign() int {
	if n.big != nil {
		return n.big.Sign()
	}
	switch {
	case n.i < 0:
		return -1
	case n.i > 0:
		return 1
	}
	return 0
}

func (n num) negated() num {
	if n.big != nil {
		return num{big: new(big.Int).Neg(n.big), scale: n.scale}
	}
	return num{i: -n.i, scale: n.scale}
}

// append appends the digits.
func (n num) append(dst []byte) []byte {
	var digits []byte
	var local [24]byte
	if n.big != nil {
		digits = n.big.Append(nil, 10)
	} else {
		digits = strconv.AppendInt(local[:0], n.i, 10)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	if n.scale <= 0 {
		return append(dst, digits...)
	}
	point := len(digits) - int(n.scale)
	if point <= 0 {
		dst = append(dst, "0."...)
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
}

// fixed returns the number with exactly scale digits after the point, rounded half to even.
func (n num) fixed(scale int32) num {
	if n.scale <= scale {
		return small(num{big: n.coefficient(scale), scale: scale})
	}
	unit := tenTo(int(n.scale - scale))
	q, r := new(big.Int).QuoRem(n.coefficient(n.scale), unit, new(big.Int))
	twice := r.Abs(r.Lsh(r, 1))
	if c := twice.Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(n.sign())))
	}
	return small(num{big: q, scale: scale})
}
