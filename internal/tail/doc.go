// Package tail keeps the last events of a sink in a bounded ring, and shows them and those to come to an operator. A reader that is
// slow loses events, which are counted; it never makes the sink wait.
package tail
