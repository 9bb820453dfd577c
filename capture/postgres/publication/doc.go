// Package publication checks what a source is to publish before it changes anything, keeps the publication equal to the
// file, and detects what changes next to it: another session alters the publication, renames its tables, or creates tables.
package publication
