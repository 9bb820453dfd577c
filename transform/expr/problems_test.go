package expr_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// mark puts » and « around the places of problems.
func mark(text string, diags hcl.Diagnostics) string {
	sorted := append(hcl.Diagnostics{}, diags...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Subject.Start.Byte > sorted[j].Subject.Start.Byte })
	for _, d := range sorted {
		from, to := d.Subject.Start.Byte-2, d.Subject.End.Byte-2
		if from < 0 || to > len(text) || from > to {
			return "a place outside of the text"
		}
		text = text[:from] + "»" + text[from:to] + "«" + text[to:]
	}
	return text
}

// TestRowProblems expects a problem at the text between » and «. file: the file alone shows it, without a table.
func TestRowProblems(t *testing.T) {
	const file, live = true, false
	for _, c := range []struct {
		text string
		file bool
		want string
	}{
		// names
		{`»ro«.id == 1`, file, `"ro" is not known here: Did you mean "row"?`},
		{`»rows«.id == 1`, file, `Did you mean "row"?`},
		{`»status« == "paid"`, file, `"status" is not known here`},
		{`»child«.id == 1`, file, `"child" is not known here: It is a row of a child table`},
		{`»lines« == null`, file, `"lines" is not known here`},
		{`»row.statsu« == "paid"`, live, `public.orders has no column statsu: Did you mean "row.status"?`},
		{`»old.totl« > 1`, live, `Did you mean "old.total"?`},
		{`»row.xyzzy« > 1`, live, `It has id, status, total, qty, price, paid, note, created_at, local_at, day and others. A file that is deployed before its migration has try(row.xyzzy, null).`},
		{`»row["full name"]« == "Ann"`, live, `Did you mean "row.Full Name"?`},
		{`»row.total-qty« > 1`, live, `A name may contain a dash, so row.total-qty is one name. Write a difference with spaces: row.total - ...`},
		{`»row[0]« == 1`, live, `row has columns, no list of values: Write row.NAME.`},
		{`»tx.tim« == null`, file, `there is no tx.tim: Did you mean "tx.time"?`},
		{`»tx« == null`, file, `there is no tx: There is tx.lsn, tx.xid, tx.time, tx.annotations.`},
		{`»table.oid« == 1`, file, `there is no table.oid`},
		{`»source.name« == "x"`, file, `There is source.pipeline.`},
		{`op == »"updated"«`, file, `there is no operation "updated": Did you mean "update"?`},
		{`op != »"modify"«`, file, `op is insert, update, delete, truncate, read, message.`},
		// types
		{`row.status == »5«`, live, `this compares a text with a number: row.status is a text (text), 5 is a number. Write the text in quotes: "5".`},
		{`row.total > »"100"«`, live, `row.total is a number (numeric), "100" is a text. Write the number without quotes.`},
		{`row.status == »row.id«`, live, `Convert one: tonumber(...) or tostring(...).`},
		{`row.paid == »"true"«`, live, `Write true or false without quotes.`},
		{`row.paid == »1«`, live, `this compares true or false with a number`},
		{`row.created_at > »"yesterday"«`, live, `this is not a time: Write a text such as "2026-01-31"`},
		{`row.created_at == »row.status«`, live, `Compare a time with a time`},
		{`row.created_at > »5«`, live, `this compares a time with a number`},
		{`row.tags == »"red"«`, live, `this compares a list with a text`},
		{`»row.tags« > row.tags`, live, `a list has no order`},
		{`»row.paid« < row.paid`, live, `true or false has no order: row.paid is true or false (bool). Compare it with == or !=.`},
		{`»row.wait« > "1 day"`, live, `the texts of type interval have no useful order`},
		{`»row.bin« > "a"`, live, `the texts of type bytea have no useful order`},
		{`"a" == »1«`, file, `this compares a text with a number`},
		{`contains(row.tags, »5«)`, live, `this compares a text with a number`},
		{`»row.status« + 1 > 2`, live, `arithmetic needs numbers: row.status is a text (text). Convert it with tonumber(...)`},
		{`»"a"« + »"b"« == row.status`, file, `Texts are joined in a template`},
		{`»row.created_at« + 1 > 2`, live, `Add a duration with timeadd(time, "1h").`},
		{`-»row.paid« == 1`, live, `arithmetic needs numbers`},
		{`»row.status« && row.paid`, live, `this is neither true nor false: row.status is a text (text). Write a comparison, such as row.status != null.`},
		{`row.paid || »row.qty«`, live, `Write a comparison, such as row.qty > 0.`},
		{`!»row.status«`, live, `this is neither true nor false`},
		{`»row.qty« ? true : false`, live, `this is neither true nor false`},
		{`row.paid ? 1 : »[1]«`, file, `the two results of this condition have different types`},
		{`»"yes"« && row.paid`, file, `this is neither true nor false`},
		{`»row.id.x« == 1`, live, `a number has no attributes: row.id is a number (int8).`},
		{`»row.tags.x« == 1`, live, `a list has no attributes: Write [0].x for the first element, or [for x in list : x.x].`},
		{`»row.id[0]« == 1`, live, `a number has no elements`},
		{`row.tags»[true]« == "a"`, live, `an index is a number`},
		{`»row.addr.stret« == "x"`, live, `there is no attribute stret: Did you mean "street"?`},
		{`[for x in »row.id« : x] == []`, live, `for needs a list or an object: row.id is a number (int8).`},
		{`»row.status«[*] == []`, live, ``},
		{`"x${»row.tags«}" == "a"`, live, `this does not give a text: It is a list (_text). Write one of its parts, or jsonencode(...).`},
		// constants
		{`row.total / »0« > 1`, file, `division by zero`},
		{`row.qty % »(2 - 2)« == 1`, file, `division by zero`},
		{`row.price / »0.0« > 1`, file, `division by zero`},
		{`1 / »0« == 1`, file, `division by zero`},
		{`tonumber(»"x"«) == row.qty`, file, `this is not a number: This part of the expression is the same for every row.`},
		{`{ a = 1, »a« = 2 } == row.doc`, file, `a is defined twice in this object`},
		{`{ »(null)« = 2 } == row.doc`, file, `the key of an object is null`},
		// functions
		{`upper(»row.tags«) == "a"`, live, `this needs a text: row.tags is a list (_text).`},
		{`abs(»row.status«) == 1`, live, `this needs a number: row.status is a text (text). Convert it with tonumber(...).`},
		{`length(»row.status«) == 1`, live, `For texts there are strlen`},
		{`»upper«() == row.status`, file, `not enough function arguments: upper() takes one.`},
		{`upper("a", »row.id«) == "a"`, file, `too many function arguments`},
		{`»pow«(row.qty, 2) == 9`, file, `pow() is not supported on row values: It takes what is known when the file is read`},
		{`»max«(row.tags...) == 1`, file, `... is not supported on row values`},
		{`regex(»row.status«, "a") == "a"`, live, `a regular expression is a constant`},
		{`can(regex(»"("«, row.status))`, file, `the regular expression is not valid: missing closing )`},
		{`format(»"%x"«, row.id) == "a"`, file, `the verb "%x" is not supported`},
		{`format(»"%s %s"«, row.id) == "a"`, file, `The format has more verbs than the 1 arguments after it.`},
		{`format("%s", row.id, »row.qty«) == "a"`, file, `The format has 1 verbs.`},
		{`formatdate(»"YYY"«, row.created_at) == "a"`, file, `a date has no "YYY"`},
		{`formatdate(row.status, row.created_at) == "a"`, live, ``},
		{`»try«() == row.status`, file, `try() takes at least one.`},
		{`»file«("/x") == row.status`, file, ``},
		{`try(»row.none«, »row.nothing«) == 1`, live, `public.orders has no column`},
	} {
		plain := strings.NewReplacer("»", "", "«", "").Replace(c.text)
		e, err := config.ParseTemplate("${" + plain + "}")
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", plain, err)
			}
			continue
		}
		r, diags := expr.NewRow(e, expr.Names{})
		if diags.HasErrors() != (c.file && c.want != "") {
			t.Errorf("%s: the file shows: %v", plain, diags)
			continue
		}
		if !c.file {
			_, diags = r.Condition(shapeOf(capture.Insert))
		}
		if c.want == "" {
			continue
		}
		if !hasError(diags, c.want) {
			t.Errorf("%s: %v, want %s", plain, diags, c.want)
		}
		if marked := mark(plain, diags); marked != c.text && !strings.Contains(c.text, "row.none") {
			t.Errorf("marked %s, want %s", marked, c.text)
		}
	}
}

// Problems of the results.
func TestProblemsOfResults(t *testing.T) {
	s := shapeOf(capture.Insert)
	_, diags := rowOf(t, `row.status`, expr.Names{}).Condition(s)
	if !hasError(diags, "this is neither true nor false: row.status is a text") {
		t.Errorf("a text as a condition: %v", diags)
	}
	_, diags = rowOf(t, `{ a = row.id }`, expr.Names{}).Text(s)
	if !hasError(diags, "this does not give a text: It is an object.") {
		t.Errorf("an object as a key: %v", diags)
	}
	_, diags = rowOf(t, `row.tags`, expr.Names{}).Text(s)
	if !hasError(diags, "this does not give a text: It is a list (_text).") {
		t.Errorf("a list as a key: %v", diags)
	}
}

// file() is for settings: a rule reads it through locals.
func TestFileInRule(t *testing.T) {
	_, report := loadRule(t, "", `hmac(row.status, file("/s")) == "x"`, config.Options{})
	if !strings.Contains(report.String(), "file() is for settings, not for rules") {
		t.Errorf("%s", report)
	}
	if strings.Contains(report.String(), "CANARY") {
		t.Errorf("a secret is shown: %s", report)
	}
}

func hasError(diags hcl.Diagnostics, want string) bool {
	for _, d := range diags {
		if strings.Contains(d.Summary+": "+d.Detail, want) {
			return true
		}
	}
	return false
}

// A constant from env() or file() is not shown, and neither is what a function makes of it.
func TestProblemsShowNoSecrets(t *testing.T) {
	for _, when := range []string{
		`row.qty == local.key`, `row.qty == upper(local.key)`, `row.qty == "${local.key}x"`, `can(regex("(${local.key}", row.status))`, `op == local.key`, `row.addr[local.key] == 1`,
		`{ (local.key) = 1, (local.key) = 2 } == row.doc`, `format("%x${local.key}", row.id) == "a"`, `row.qty > [local.key]`, `row.created_at > local.key`, `tonumber(local.key) == row.qty`,
	} {
		e, report := loadRule(t, `key = file("/s")`, when, config.Options{})
		out := report.String()
		if e != nil {
			r, diags := expr.NewRow(e, expr.Names{})
			if r != nil {
				_, diags = r.Condition(shapeOf(capture.Insert))
			}
			out += diags.Error()
			if !diags.HasErrors() {
				t.Errorf("%s: no problem", when)
			}
		}
		if strings.Contains(strings.ToLower(out), "canary") || strings.Contains(out, "hunter") {
			t.Errorf("%s shows the secret: %s", when, out)
		}
	}
}
