package ddl

import (
	"fmt"
	"slices"
	"strings"
)

// kind is one kind of DDL.
type kind struct {
	name  string
	alone bool // in a transaction of its own: a label cannot be used in the one that adds it
	make  func(*model, *table) []string
}

// kinds lists all kinds. make returns nil when the kind does not apply to the table.
var kinds = []kind{
	{"add", false, (*model).add},
	{"add_default", false, (*model).addDefault},
	{"add_volatile", false, (*model).addVolatile},
	{"add_undefault", false, (*model).addUndefault},
	{"add_generated", false, (*model).addGenerated},
	{"attach", false, (*model).attach},
	{"composite_add", false, (*model).compositeAdd},
	{"composite_drop", false, (*model).compositeDrop},
	{"composite_rename", false, (*model).compositeRename},
	{"create", false, (*model).createTable},
	{"default", false, (*model).setDefault},
	{"detach", false, (*model).detach},
	{"drop", false, (*model).dropColumn},
	{"enum_add", true, (*model).enumAdd},
	{"enum_rename", false, (*model).enumRename},
	{"expand", false, (*model).expand},
	{"identity", false, (*model).identity},
	{"key", false, (*model).rekey},
	{"narrow", false, (*model).narrow},
	{"not_null", false, (*model).notNull},
	{"nullable", false, (*model).nullable},
	{"partition", false, (*model).addPartition},
	{"readd", false, (*model).readd},
	{"recreate", false, (*model).recreate},
	{"rename", false, (*model).rename},
	{"retype", false, (*model).retype},
	{"swap", false, (*model).swap},
	{"table_rename", false, (*model).renameTable},
	{"table_replace", false, (*model).replaceTable},
	{"table_swap", false, (*model).swapTables},
	{"truncate", false, (*model).truncate},
	{"truncate_leaf", false, (*model).truncateLeaf},
	{"vacuum_full", true, (*model).vacuumFull},
	{"widen", false, (*model).widen},
}

// Kinds returns the names of all kinds of DDL.
func Kinds() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Holding lists the kinds that lead to equal replicas in every order, as far as the soak has shown. The others are explained in
// docs/operations.md: what rows of a partition tree the stream lacks is found by checks, which do not see all that happened between
// two of them.
var Holding = slices.DeleteFunc(Kinds(), func(name string) bool {
	return slices.Contains([]string{"attach", "detach", "truncate_leaf"}, name)
})

// ParseKinds reads a list such as "add,drop": "" is Holding, "all" selects all; -name excludes one.
func ParseKinds(list string) ([]string, error) {
	if list == "" {
		return slices.Clone(Holding), nil
	}
	var chosen []string
	for name := range strings.SplitSeq(list, ",") {
		left, out := strings.CutPrefix(name, "-")
		switch {
		case name == "all":
			chosen = Kinds()
		case name == "holding":
			chosen = append(chosen, Holding...)
		case !slices.Contains(Kinds(), left):
			return nil, fmt.Errorf("%q is no kind of DDL: all, holding, %s", left, strings.Join(Kinds(), ", "))
		case out:
			chosen = slices.DeleteFunc(slices.Clone(chosen), func(k string) bool { return k == left })
		default:
			chosen = append(chosen, name)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%q leaves no kind of DDL", list)
	}
	return chosen, nil
}
