// Package mask is the block mask: it replaces values of rows before anything else sees them.
//
// A mask is a function of the row, so the old and the new image of an update, and every later change of the row, get the same text for
// the same value: a masked key still identifies its row.
package mask
