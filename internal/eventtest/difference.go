package eventtest

// maxCompared limits the lines whose differences are found exactly, at a cost of their product.
const maxCompared = 1000

// difference returns the lines of want and got, aligned: "  " before those that both have, "- " before those that only want has, and
// "+ " before those that only got has.
func difference(want, got []string) []string {
	var out []string
	for _, p := range alignment(len(want), len(got), func(i, j int) bool { return want[i] == got[j] }) {
		switch {
		case p.want < 0:
			out = append(out, "+ "+got[p.got])
		case p.got < 0:
			out = append(out, "- "+want[p.want])
		default:
			out = append(out, "  "+want[p.want])
		}
	}
	return out
}

// pair are the indexes of elements that are equal; -1: only the other list has one.
type pair struct{ want, got int }

// alignment returns a longest common subsequence of two lists, with the elements of each that are not in it between: first those of
// want, then those of got.
func alignment(n, m int, equal func(i, j int) bool) []pair {
	first := 0
	var all []pair
	for first < n && first < m && equal(first, first) {
		all = append(all, pair{first, first})
		first++
	}
	last := 0
	for last < n-first && last < m-first && equal(n-1-last, m-1-last) {
		last++
	}
	all = append(all, middle(first, n-last, m-last, equal)...)
	for ; last > 0; last-- {
		all = append(all, pair{n - last, m - last})
	}
	return all
}

// middle aligns the elements from first up to n and m.
func middle(first, n, m int, equal func(i, j int) bool) []pair {
	rows, columns := n-first, m-first
	if rows > maxCompared || columns > maxCompared {
		equal = func(int, int) bool { return false }
		rows, columns = 0, 0
	}
	length := make([][]int, rows+1) // of the common subsequence of what follows
	for i := range length {
		length[i] = make([]int, columns+1)
	}
	for i := rows - 1; i >= 0; i-- {
		for j := columns - 1; j >= 0; j-- {
			if equal(first+i, first+j) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	return walk(first, n, m, length, equal)
}

// walk follows the longest common subsequence.
func walk(first, n, m int, length [][]int, equal func(i, j int) bool) (all []pair) {
	i, j := first, first
	at := func(i, j int) int {
		if i-first >= len(length) || j-first >= len(length[0]) {
			return 0
		}
		return length[i-first][j-first]
	}
	for i < n || j < m {
		switch {
		case i < n && j < m && equal(i, j):
			all = append(all, pair{i, j})
			i++
			j++
		case i < n && (j == m || at(i+1, j) >= at(i, j+1)):
			all = append(all, pair{i, -1})
			i++
		default:
			all = append(all, pair{-1, j})
			j++
		}
	}
	return all
}
