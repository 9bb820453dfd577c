// Package rulestest loads blocks and makes tables and changes for the tests of steps.
package rulestest
