// Package shape declares tables without a server: their columns with Postgres' type names, their keys and replica identities, and
// changes of their rows as a stream carries them. Values are converted to the text that Postgres would print. What the replica
// identity does not carry is removed from old rows, so that a test cannot read a value that production does not have.
package shape
