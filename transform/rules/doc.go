// Package rules is what the blocks with expressions over rows have in common: the tables that they name, what they have compiled for
// each shape of a table, and their problems as named states.
package rules
