package trees

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// treeBase describes the partition trees at a time when everything that had happened to them was in the stream, or was
// accepted. Differences from it are checked. A partition with a loss keeps its old mark, so the loss is found again after a
// restart.
type treeBase struct {
	accepted uint64 // how often the operator has accepted the differences: of two bases the one with more acceptances wins
	cut      bool   // there are too many partitions to record
	roots    map[uint32]bool
	leaves   map[uint32]leafMark
}

// leafMark shows whether a partition is still the same one, in the same place, with the same file. By OID.
type leafMark struct {
	root   uint32
	file   uint32 // a TRUNCATE creates another one, as do VACUUM FULL and a rewriting ALTER TABLE
	joined uint32 // the transaction that linked it to its root
}

func markOf(n *publication.TreeNode) leafMark {
	return leafMark{root: n.Root, file: n.File, joined: n.Joined}
}

// baseOf returns the base that the catalogue shows.
func baseOf(nodes []publication.TreeNode) *treeBase {
	b := &treeBase{roots: map[uint32]bool{}, leaves: map[uint32]leafMark{}}
	for i := range nodes {
		n := &nodes[i]
		b.roots[n.Root] = true
		if n.HoldsRows() {
			b.leaves[n.OID] = markOf(n)
		}
	}
	return b
}

// maxLeaves is the number of partitions up to which a record has marks, 12 bytes per partition: sinks write it many times
// per second.
const maxLeaves = 500

const (
	baseVersion = "1."
	baseCut     = "cut"
)

// String returns the base as sinks record it; "" when there is nothing to record.
func (b *treeBase) String() string {
	if b == nil || len(b.roots)+len(b.leaves) == 0 && b.accepted == 0 {
		return ""
	}
	head := baseVersion + strconv.FormatUint(b.accepted, 10) + "."
	if b.cut || len(b.leaves) > maxLeaves {
		return head + baseCut
	}
	byRoot := map[uint32][]uint32{}
	for root := range b.roots {
		byRoot[root] = nil
	}
	for oid, m := range b.leaves {
		byRoot[m.root] = append(byRoot[m.root], oid)
	}
	var text []byte
	for _, root := range slices.Sorted(maps.Keys(byRoot)) {
		oids := byRoot[root]
		slices.Sort(oids)
		text = binary.BigEndian.AppendUint32(text, root)
		text = binary.BigEndian.AppendUint32(text, uint32(len(oids)))
		for _, oid := range oids {
			m := b.leaves[oid]
			text = binary.BigEndian.AppendUint32(text, oid)
			text = binary.BigEndian.AppendUint32(text, m.file)
			text = binary.BigEndian.AppendUint32(text, m.joined)
		}
	}
	return head + base64.RawStdEncoding.EncodeToString(text)
}

// parseBase parses the output of String; it returns nil for everything else, such as a record of an older version.
func parseBase(text string) *treeBase {
	text, known := strings.CutPrefix(text, baseVersion)
	count, body, two := strings.Cut(text, ".")
	accepted, err := strconv.ParseUint(count, 10, 64)
	if !known || !two || err != nil {
		return nil
	}
	b := &treeBase{accepted: accepted, roots: map[uint32]bool{}, leaves: map[uint32]leafMark{}}
	if body == baseCut {
		b.cut = true
		return b
	}
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || len(raw)%4 != 0 {
		return nil
	}
	words := make([]uint32, len(raw)/4)
	for i := range words {
		words[i] = binary.BigEndian.Uint32(raw[4*i:])
	}
	for len(words) > 0 {
		if len(words) < 2 || uint64(len(words)-2) < 3*uint64(words[1]) {
			return nil
		}
		root, n := words[0], words[1]
		b.roots[root] = true
		for words = words[2:]; n > 0; n, words = n-1, words[3:] {
			b.leaves[words[0]] = leafMark{root: root, file: words[1], joined: words[2]}
		}
	}
	return b
}

// merge joins the bases of two records. If one has been accepted later, it counts alone. Otherwise they may be of different
// moments, so the result has the partitions of both; a partition with two different marks gets one that matches no
// partition, and is checked again.
func (b *treeBase) merge(o *treeBase) *treeBase {
	switch {
	case b == nil || o != nil && o.accepted > b.accepted:
		return o
	case o == nil || o.accepted < b.accepted:
		return b
	case b.cut || o.cut:
		return &treeBase{accepted: b.accepted, cut: true}
	}
	m := &treeBase{accepted: b.accepted, roots: maps.Clone(b.roots), leaves: maps.Clone(b.leaves)}
	maps.Copy(m.roots, o.roots)
	for oid, mark := range o.leaves {
		if was, both := m.leaves[oid]; both && was != mark {
			mark.file = 0
		}
		m.leaves[oid] = mark
	}
	return m
}

// acceptedIn returns the base of a record after the operator has accepted all differences between seen and b. A partition that the
// record has by then, and that neither of them has, was not shown to the operator: it remains.
func (b *treeBase) acceptedIn(record, seen *treeBase) *treeBase {
	if record == nil || record.cut {
		return b
	}
	m := &treeBase{accepted: max(b.accepted, record.accepted+1), cut: b.cut, roots: maps.Clone(b.roots), leaves: maps.Clone(b.leaves)}
	for oid, mark := range record.leaves {
		_, shown := seen.leaves[oid]
		if _, there := b.leaves[oid]; !there && !shown && !seen.cut {
			m.leaves[oid] = mark
			m.roots[mark.root] = true
		}
	}
	return m
}
