// Package decimal calculates with exact decimal numbers: those of Postgres' numeric and integer types, and of JSON. A number that
// fits into an int64 is calculated as one and allocates nothing.
package decimal

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// Limits on numbers. A numeric of Postgres has up to 147,455 digits.
const (
	MaxDigits   = 200_000 // digits of a number
	MaxBits     = 700_000 // bits of a coefficient
	maxScale    = 100_000
	quoteDigits = 40 // significant digits of a quotient that is no finite decimal
)

// Number is a decimal number: Int / 10^Scale, or Big / 10^Scale where Big is set. It never changes.
type Number struct {
	Int   int64
	Scale int32
	Big   *big.Int
}

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// Parse reads a number as Postgres and JSON print it.
func Parse(s []byte) (n Number, ok bool) {
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
		n.Int = n.Int*10 + int64(c-'0')
		digits++
		if point {
			scale++
		}
	}
	if negative {
		n.Int = -n.Int
	}
	n.Scale = int32(scale)
	return n, digits > 0
}

// parseLong reads a number of any form and length.
func parseLong(s []byte) (n Number, ok bool) {
	if len(s) > MaxDigits {
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
	if !ok || exponent < -maxScale || exponent+len(digits) > MaxDigits {
		return n, false
	}
	if exponent > 0 {
		b.Mul(b, tenTo(exponent))
		exponent = 0
	}
	return Small(Number{Big: b, Scale: int32(-exponent)}), true
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// Small returns the number without Big where its coefficient fits into an int64.
func Small(n Number) Number {
	if n.Big != nil && n.Big.IsInt64() && n.Big.Int64() != math.MinInt64 {
		return Number{Int: n.Big.Int64(), Scale: n.Scale}
	}
	return n
}

// coefficient returns the number times 10^scale, which must not be less than its own.
func (n Number) coefficient(scale int32) *big.Int {
	b := n.Big
	if b == nil {
		b = big.NewInt(n.Int)
	}
	if d := int(scale - n.Scale); d > 0 {
		return new(big.Int).Mul(b, tenTo(d))
	}
	return b
}

// rescaled returns the coefficient at a larger scale, and false when it has no place in an int64.
func (n Number) rescaled(scale int32) (int64, bool) {
	d := scale - n.Scale
	if d == 0 {
		return n.Int, n.Big == nil
	}
	if n.Big != nil || d >= int32(len(pow10)) {
		return 0, false
	}
	return mul64(n.Int, pow10[d])
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

// Compare returns -1 where a < b, 0 where they are equal, whatever their scales, and 1 where a > b.
func Compare(a, b Number) int {
	scale := max(a.Scale, b.Scale)
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

// Sign returns -1, 0 or 1.
func (n Number) Sign() int {
	if n.Big != nil {
		return n.Big.Sign()
	}
	switch {
	case n.Int < 0:
		return -1
	case n.Int > 0:
		return 1
	}
	return 0
}

// Negated returns -n.
func (n Number) Negated() Number {
	if n.Big != nil {
		return Number{Big: new(big.Int).Neg(n.Big), Scale: n.Scale}
	}
	return Number{Int: -n.Int, Scale: n.Scale}
}

// Append appends the digits.
func (n Number) Append(dst []byte) []byte {
	var digits []byte
	var local [24]byte
	if n.Big != nil {
		digits = n.Big.Append(nil, 10)
	} else {
		digits = strconv.AppendInt(local[:0], n.Int, 10)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	if n.Scale <= 0 {
		return append(dst, digits...)
	}
	point := len(digits) - int(n.Scale)
	if point <= 0 {
		dst = append(dst, "0."...)
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
}

// Fixed returns the number with exactly scale digits after the point, rounded half to even.
func (n Number) Fixed(scale int32) Number {
	if n.Scale <= scale {
		return Small(Number{Big: n.coefficient(scale), Scale: scale})
	}
	unit := tenTo(int(n.Scale - scale))
	q, r := new(big.Int).QuoRem(n.coefficient(n.Scale), unit, new(big.Int))
	twice := r.Abs(r.Lsh(r, 1))
	if c := twice.Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(n.Sign())))
	}
	return Small(Number{Big: q, Scale: scale})
}
