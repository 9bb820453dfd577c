// Package pgtime has the points in time of Postgres: dates, timestamps with and without a zone, and the infinities.
package pgtime

import (
	"math"
	"time"
)

// Times are microseconds since the year 2000 in UTC, as Postgres has them. The infinities are the largest number and its negative.
const (
	Infinity = math.MaxInt64
	Earliest = -211_813_488_000_000_000  // 4713 BC, as in Postgres
	Latest   = 9_223_371_331_199_999_999 // the end of maxYear

	day       = 24 * int64(time.Hour/time.Microsecond)
	epochDays = 10957 // from 1970 to 2000
	maxYear   = 294_276
)

// daysSince1970 is the number of a day in the Gregorian calendar, also before it was introduced.
func daysSince1970(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	ofEra := y - era*400
	shifted := (m + 9) % 12
	ofYear := (153*shifted+2)/5 + d - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

func daysIn(m, y int64) int64 {
	switch {
	case m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// Go returns a time that is not infinite as one of Go.
func Go(micros int64) time.Time {
	return time.Unix(micros/1e6+epochDays*day/1e6, micros%1e6*1e3).UTC()
}
