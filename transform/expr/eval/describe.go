package eval

import "strings"

// Describe returns what a diagnostic calls the node, with its type.
func (n *Node) Describe() string {
	switch {
	case n.Name != "":
		return n.Name + " is " + n.Type.Describe()
	case n.IsConstant():
		text := string(AppendJSON(Scratch(0), nil, n.Value))
		if len(text) > 40 {
			text = "this"
		}
		return text + " is " + n.Type.Describe()
	}
	return "this is " + n.Type.Describe()
}

// Sentence returns what Describe does as the beginning of a sentence: in upper case, unless it is a name or a value.
func (n *Node) Sentence() string {
	s := n.Describe()
	if strings.HasPrefix(s, "this") {
		return "T" + s[1:]
	}
	return s
}
