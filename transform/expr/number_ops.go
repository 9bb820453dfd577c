package expr

import (
	"math"
	"math/big"
)

func addNum(a, b num) num {
	scale := max(a.scale, b.scale)
	x, ok := a.rescaled(scale)
	y, ok2 := b.rescaled(scale)
	if sum := x + y; ok && ok2 && (x^sum)&(y^sum) >= 0 && sum != math.MinInt64 {
		return num{i: sum, scale: scale}
	}
	return small(num{big: new(big.Int).Add(a.coefficient(scale), b.coefficient(scale)), scale: scale})
}

func mulNum(a, b num) num {
	if a.big == nil && b.big == nil {
		if p, ok := mul64(a.i, b.i); ok {
			return num{i: p, scale: a.scale + b.scale}
		}
	}
	return small(num{big: new(big.Int).Mul(a.coefficient(a.scale), b.coefficient(b.scale)), scale: a.scale + b.scale})
}

// quoNum divides by a number that is not zero. A quotient that is no finite decimal is rounded to quoteDigits significant digits, half
// to even.
func quoNum(a, b num) num {
	x, y := a.coefficient(a.scale), b.coefficient(b.scale)
	scale := int(a.scale) - int(b.scale) // of x / y
	extra := max(0, quoteDigits-(digitsOf(x)-digitsOf(y)), -scale)
	q, r := new(big.Int).QuoRem(new(big.Int).Mul(x, tenTo(extra)), y, new(big.Int))
	scale += extra
	if r.Sign() != 0 {
		twice := new(big.Int).Abs(r.Lsh(r, 1))
		if c := twice.Cmp(new(big.Int).Abs(y)); c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(int64(x.Sign()*y.Sign())))
		}
	}
	return num{big: q, scale: int32(scale)}.trimmed(max(a.scale, b.scale))
}

// digitsOf returns about how many decimal digits a number has.
func digitsOf(b *big.Int) int { return b.BitLen() * 301 / 1000 }

// remNum returns the rest of a division that truncates, with the sign of a. b is not zero.
func remNum(a, b num) num {
	scale := max(a.scale, b.scale)
	x, ok := a.rescaled(scale)
	y, ok2 := b.rescaled(scale)
	if ok && ok2 {
		return num{i: x % y, scale: scale}
	}
	return small(num{big: new(big.Int).Rem(a.coefficient(scale), b.coefficient(scale)), scale: scale})
}

// trimmed returns the number without zeros at the end of its fraction, but with at least scale digits of it.
func (n num) trimmed(scale int32) num {
	if n.big != nil {
		n = small(n)
	}
	for n.big == nil && n.scale > scale && n.i%10 == 0 {
		n.i /= 10
		n.scale--
	}
	if n.big == nil || n.scale <= scale {
		return n
	}
	text := n.big.Append(nil, 10)
	zeros := int32(0)
	for n.scale-zeros > scale && zeros < int32(len(text)) && text[int32(len(text))-1-zeros] == '0' {
		zeros++
	}
	if zeros == 0 {
		return n
	}
	return small(num{big: new(big.Int).Quo(n.big, tenTo(int(zeros))), scale: n.scale - zeros})
}

// rounded returns the number rounded to an integer: up for a positive direction, down for a negative one, else towards zero.
func (n num) rounded(direction int) num {
	if n.scale <= 0 {
		return n
	}
	one := num{i: 1}
	rest := remNum(n, one)
	whole := addNum(n, rest.negated())
	if rest.sign() != 0 && rest.sign() == direction {
		whole = addNum(whole, num{i: int64(direction)})
	}
	return whole.trimmed(0)
}

// integer returns the number as an int, and false when it is none.
func (n num) integer() (int, bool) {
	t := n.trimmed(0)
	if t.big != nil || t.scale > 0 {
		return 0, false
	}
	return int(t.i), true
}

// tooLarge reports whether a result is beyond the limits.
func (n num) tooLarge() bool { return n.scale > maxScale || n.big != nil && n.big.BitLen() > maxBits }

// parseCost is the work of reading a number: quadratic in its digits.
func parseCost(s []byte) int { return len(s) + len(s)*len(s)/400 }

// cost is the work of an operation on two numbers.
func cost(a, b num) int {
	words := func(n num) int {
		if n.big == nil {
			return 1
		}
		return 1 + len(n.big.Bits())
	}
	w := max(words(a), words(b)) + int(max(a.scale, b.scale)-min(a.scale, b.scale))/19
	return w * w / 4
}
