package decimal

import (
	"math"
	"math/big"
)

// Add returns a + b.
func Add(a, b Number) Number {
	scale := max(a.Scale, b.Scale)
	x, ok := a.rescaled(scale)
	y, ok2 := b.rescaled(scale)
	if sum := x + y; ok && ok2 && (x^sum)&(y^sum) >= 0 && sum != math.MinInt64 {
		return Number{Int: sum, Scale: scale}
	}
	return Small(Number{Big: new(big.Int).Add(a.coefficient(scale), b.coefficient(scale)), Scale: scale})
}

// Mul returns a * b.
func Mul(a, b Number) Number {
	if a.Big == nil && b.Big == nil {
		if p, ok := mul64(a.Int, b.Int); ok {
			return Number{Int: p, Scale: a.Scale + b.Scale}
		}
	}
	return Small(Number{Big: new(big.Int).Mul(a.coefficient(a.Scale), b.coefficient(b.Scale)), Scale: a.Scale + b.Scale})
}

// Abs returns the number without its sign.
func (n Number) Abs() Number {
	if n.Sign() < 0 {
		return n.Negated()
	}
	return n
}

// Quo divides by a number that is not zero. A quotient that is no finite decimal is rounded to quoteDigits significant digits, half
// to even.
func Quo(a, b Number) Number {
	x, y := a.coefficient(a.Scale), b.coefficient(b.Scale)
	scale := int(a.Scale) - int(b.Scale) // of x / y
	extra := max(0, quoteDigits-(digitsOf(x)-digitsOf(y)), -scale)
	q, r := new(big.Int).QuoRem(new(big.Int).Mul(x, tenTo(extra)), y, new(big.Int))
	scale += extra
	if r.Sign() != 0 {
		twice := new(big.Int).Abs(r.Lsh(r, 1))
		if c := twice.Cmp(new(big.Int).Abs(y)); c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(int64(x.Sign()*y.Sign())))
		}
	}
	return Number{Big: q, Scale: int32(scale)}.Trimmed(max(a.Scale, b.Scale))
}

// digitsOf returns about how many decimal digits a number has.
func digitsOf(b *big.Int) int { return b.BitLen() * 301 / 1000 }

// Rem returns the rest of a division that truncates, with the sign of a. b is not zero.
func Rem(a, b Number) Number {
	scale := max(a.Scale, b.Scale)
	x, ok := a.rescaled(scale)
	y, ok2 := b.rescaled(scale)
	if ok && ok2 {
		return Number{Int: x % y, Scale: scale}
	}
	return Small(Number{Big: new(big.Int).Rem(a.coefficient(scale), b.coefficient(scale)), Scale: scale})
}

// Trimmed returns the number without zeros at the end of its fraction, but with at least scale digits of it.
func (n Number) Trimmed(scale int32) Number {
	if n.Big != nil {
		n = Small(n)
	}
	for n.Big == nil && n.Scale > scale && n.Int%10 == 0 {
		n.Int /= 10
		n.Scale--
	}
	if n.Big == nil || n.Scale <= scale {
		return n
	}
	text := n.Big.Append(nil, 10)
	zeros := int32(0)
	for n.Scale-zeros > scale && zeros < int32(len(text)) && text[int32(len(text))-1-zeros] == '0' {
		zeros++
	}
	if zeros == 0 {
		return n
	}
	return Small(Number{Big: new(big.Int).Quo(n.Big, tenTo(int(zeros))), Scale: n.Scale - zeros})
}

// Rounded returns the number rounded to an integer: up for a positive direction, down for a negative one, else towards zero.
func (n Number) Rounded(direction int) Number {
	if n.Scale <= 0 {
		return n
	}
	one := Number{Int: 1}
	rest := Rem(n, one)
	whole := Add(n, rest.Negated())
	if rest.Sign() != 0 && rest.Sign() == direction {
		whole = Add(whole, Number{Int: int64(direction)})
	}
	return whole.Trimmed(0)
}

// Integer returns the number as an int, and false when it is none.
func (n Number) Integer() (int, bool) {
	t := n.Trimmed(0)
	if t.Big != nil || t.Scale > 0 {
		return 0, false
	}
	return int(t.Int), true
}

// TooLarge reports whether a result is beyond the limits.
func (n Number) TooLarge() bool {
	return n.Scale > maxScale || n.Big != nil && n.Big.BitLen() > MaxBits
}

// ParseCost estimates the work of Parse in nanoseconds: quadratic in the digits.
func ParseCost(s []byte) int { return len(s) + len(s)*len(s)/400 }

// Cost estimates the work of an operation on two numbers in nanoseconds.
func Cost(a, b Number) int {
	words := func(n Number) int {
		if n.Big == nil {
			return 1
		}
		return 1 + len(n.Big.Bits())
	}
	w := max(words(a), words(b)) + int(max(a.Scale, b.Scale)-min(a.Scale, b.Scale))/19
	return w * w / 4
}
