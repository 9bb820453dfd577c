package kafka

import "encoding/binary"

// murmur2 is the hash that Java's producers use for keys (org.apache.kafka.common.utils.Utils.murmur2), so that a key
// lands where every other producer puts it.
func murmur2(b []byte) uint32 {
	const m = 0x5bd1e995
	h := 0x9747b28c ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// partitionFor is the partition of a key among n.
func partitionFor(key []byte, n int) int { return int(murmur2(key)&0x7fffffff) % n }
