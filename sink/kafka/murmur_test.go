package kafka

import "testing"

// The vectors of Java's own test, org.apache.kafka.common.utils.UtilsTest.testMurmur2, and what a Java producer's
// partitioner makes of them.
func TestMurmur2IsJavas(t *testing.T) {
	for text, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(text))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", text, got, want)
		}
		if got, want := partitionFor([]byte(text), 7), int(want&0x7fffffff)%7; got != want {
			t.Errorf("place(%q) = %d, want %d", text, got, want)
		}
	}
}
