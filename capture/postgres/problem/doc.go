// Package problem turns the errors of a source server into problems with a named state. Every other package of the source
// imports it; it imports none of them.
package problem
