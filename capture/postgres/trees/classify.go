package trees

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// finding is a partition of which the stream lacks changes.
type finding struct{ root, what string }

// verdict is the result for a partition whose mark differs from the base.
type verdict struct {
	was, now leafMark
	what     string // "": nothing is missing
}

// truncation is a partition that has lost its rows. If its root was truncated, the stream has the TRUNCATE, but may not
// have reached it yet.
type truncation struct {
	file uint32
	upto capture.LSN // the position after which the stream has passed it
}

// changedProblem returns the problem of the findings.
func changedProblem(found []finding) *capture.Problem {
	const most = 20
	var whats, roots []string
	for i, f := range found {
		if i == most {
			whats = append(whats, fmt.Sprintf("and %d more", len(found)-most))
			break
		}
		whats = append(whats, f.what)
	}
	for _, f := range found {
		if !slices.Contains(roots, f.root) {
			roots = append(roots, f.root)
		}
	}
	fix := "make replicas equal to the source, and leave topics as they are:\n"
	for _, root := range roots[:min(len(roots), most)] {
		fix += "`tailrace verify -repair -table " + capture.ShellWord(root) + " FILE`\n"
	}
	return &capture.Problem{
		State:  "partitions_changed",
		Reason: "rows of a published tree were added or removed without a change in the stream: " + strings.Join(whats, "; "),
		Fix:    fix + "then, or to leave replicas as they are, too: `tailrace accept -pipeline P partitions_changed FILE`",
	}
}

// compare checks each partition whose mark differs from the base. It returns the next base, in which harmless differences
// are updated and losses keep their old marks.
func (w *Watch) compare(ctx context.Context, conn *pgx.Conn, base *treeBase, nodes []publication.TreeNode) (
	next *treeBase, found []finding, err error,
) {
	next = &treeBase{accepted: base.accepted, roots: map[uint32]bool{}, leaves: map[uint32]leafMark{}}
	rootNames, there := map[uint32]string{}, map[uint32]bool{}
	written := map[uint32]map[uint32]bool{} // by root: the transactions that wrote its partitions
	for i := range nodes {
		n := &nodes[i]
		next.roots[n.Root], rootNames[n.Root] = true, n.RootName.String()
		if n.HoldsRows() && base.leaves[n.OID].root == n.Root {
			if written[n.Root] == nil {
				written[n.Root] = map[uint32]bool{}
			}
			written[n.Root][n.Written] = true
		}
	}
	for i := range nodes {
		n := &nodes[i]
		if !n.HoldsRows() {
			continue
		}
		there[n.OID], w.names[n.OID] = true, n.Name.String()
		was, known := base.leaves[n.OID]
		moved := known && was.root != n.Root && next.roots[was.root] // its former tree lacks its rows; the base has one mark per partition
		if moved {
			root := rootNames[was.root]
			found = append(found, finding{root, fmt.Sprintf("partition %s of %s was detached", n.Name, root)})
		}
		known = known && was.root == n.Root
		if was == markOf(n) || !known && !base.roots[n.Root] {
			delete(w.suspects, n.OID)
			if next.leaves[n.OID] = markOf(n); moved {
				next.leaves[n.OID] = was
			}
			continue
		}
		what, decided, err := w.classify(ctx, conn, n, was, known, len(written[n.Root]) == 1)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case decided && what == "" && !moved:
			next.leaves[n.OID] = markOf(n)
			continue
		case what != "":
			found = append(found, finding{n.RootName.String(), what})
		}
		if known || moved {
			next.leaves[n.OID] = was
		}
	}
	gone, err := w.gone(ctx, conn, base, next, there, rootNames)
	return next, append(found, gone...), err
}

// gone checks the partitions of the base that are no longer in any tree.
func (w *Watch) gone(ctx context.Context, conn *pgx.Conn, base, next *treeBase, there map[uint32]bool, roots map[uint32]string) (
	found []finding, err error,
) {
	var oids []uint32
	for oid, was := range base.leaves {
		if !there[oid] && next.roots[was.root] { // else the whole tree is no longer published
			oids = append(oids, oid)
		}
	}
	slices.Sort(oids)
	for _, oid := range oids {
		delete(w.suspects, oid)
		was := base.leaves[oid]
		p, decided, err := probePartition(ctx, conn, oid, was.joined, 0)
		if err != nil {
			return nil, err
		}
		if decided && p.Exists && p.Empty && p.File == was.file {
			continue
		}
		next.leaves[oid] = was
		name, root := w.names[oid], roots[was.root]
		if name == "" {
			name = fmt.Sprintf("with OID %d", oid)
		}
		switch {
		case !decided:
		case p.Exists:
			found = append(found, finding{root, fmt.Sprintf("partition %s of %s was detached", name, root)})
		default:
			found = append(found, finding{root, fmt.Sprintf("partition %s of %s was dropped", name, root)})
		}
	}
	return found, nil
}

// mostProbes is the maximum number of partitions that one check probes: other checks wait for its connection.
const mostProbes = 200

// classify returns what the stream lacks of a partition whose mark differs from the base; "": nothing. decided is false as
// long as that cannot be determined. A verdict remains valid as long as the marks do.
func (w *Watch) classify(ctx context.Context, conn *pgx.Conn, n *publication.TreeNode, was leafMark, known, together bool) (
	what string, decided bool, err error,
) {
	if v, done := w.verdicts[n.OID]; done && v.was == was && v.now == markOf(n) {
		return v.what, true, nil
	}
	if w.probes++; w.probes > mostProbes {
		return "", false, nil // the next check continues
	}
	switch {
	case !known:
		what, decided, err = w.attached(ctx, conn, n)
	case was.joined != n.Joined:
		what, decided = fmt.Sprintf("partition %s of %s was detached and attached again", n.Name, n.RootName), true
	default:
		what, decided, err = w.newFile(ctx, conn, n, together)
	}
	if err == nil && decided {
		w.verdicts[n.OID] = verdict{was, markOf(n), what}
	}
	return what, decided, err
}

// attached checks a partition that is new in its tree. Rows that were written before it was linked to the root are in no
// stream.
func (w *Watch) attached(ctx context.Context, conn *pgx.Conn, n *publication.TreeNode) (what string, decided bool, err error) {
	p, decided, err := probePartition(ctx, conn, n.OID, n.Joined, n.JoinedAt)
	if err != nil || !decided {
		return "", false, err
	}
	if p.Empty || p.Readable && !p.Older || !p.Readable && p.Born {
		return "", true, nil
	}
	return fmt.Sprintf("partition %s was attached to %s with rows", n.Name, n.RootName), true, nil
}

// newFile checks a partition that has another file: it was truncated, or rewritten with all its rows.
func (w *Watch) newFile(ctx context.Context, conn *pgx.Conn, n *publication.TreeNode, together bool) (what string, decided bool, err error) {
	s, seen := w.suspects[n.OID]
	if !seen || s.file != n.File {
		p, decided, err := probePartition(ctx, conn, n.OID, n.Written, n.WrittenAt+1)
		if err != nil || !decided || !p.Exists {
			return "", false, err
		}
		if p.Rewritten || p.Older || !p.Readable && n.Tuples > 0 || p.Empty && n.Tuples == 0 && p.Unfilled {
			delete(w.suspects, n.OID)
			return "", true, nil
		}
		upto, err := slot.WALEnd(ctx, conn)
		if err != nil {
			return "", false, err
		}
		s = truncation{n.File, upto}
		w.suspects[n.OID] = s
	}
	if capture.LSN(w.read.Load()) < s.upto {
		return "", false, nil
	}
	delete(w.suspects, n.OID)
	if w.streamed(n.Root, n.Written, together) {
		return "", true, nil
	}
	return fmt.Sprintf("partition %s of %s was truncated", n.Name, n.RootName), true, nil
}

// mostTruncates is the number of transactions with a TRUNCATE that are remembered.
const mostTruncates = 64

// Truncated implements decode.Trees.
func (w *Watch) Truncated(oid, xid uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	xids := append(w.emptied[oid], xid)
	w.emptied[oid] = xids[max(0, len(xids)-mostTruncates):]
}

// streamed reports whether the stream has the TRUNCATE that created a partition's file. For a subtransaction the catalogue
// has another transaction id than the stream; then all partitions of the root have the same one.
func (w *Watch) streamed(root, written uint32, together bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.emptied[root], func(xid uint32) bool {
		return xid == written || together && pgconnect.XIDPrecedes(xid, written) && written-xid < 1000
	})
}
