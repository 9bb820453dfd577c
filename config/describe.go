package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// BlockType describes a type of block as its settings struct defines it, for a manual.
type BlockType struct {
	Name       string      // `sink "kafka"`; of a nested block with those around it: `sink "kafka" tls`
	Attributes []Attribute // in the order of the fields
	Blocks     []BlockType // nested ones, in the order of the fields
}

// Attribute describes an attribute of a block. Its field is declared in the struct Type of the package with the import path Package.
type Attribute struct {
	Name                 string
	Package, Type, Field string
	Value                string // what is written: "text", "list", "duration" and so on
	Required             bool
	Default              string // as in a file; "": the field's zero value stands for none
}

// Describe returns the types of blocks that a pipeline file may have, in the order of their names; those that the language itself has
// come first. The attributes enabled and connection, which belong to no settings struct, are left out.
func Describe(k Kinds) []BlockType {
	all := []BlockType{describe("daemon", newDaemonSettings()), describe("pipeline", newPipelineSettings())}
	for _, name := range names(k.Sources) {
		all = append(all, describe(fmt.Sprintf("source %q", name), k.Sources[name]()))
	}
	for _, name := range names(k.Sinks) {
		all = append(all, describe(fmt.Sprintf("sink %q", name), k.Sinks[name]()))
	}
	for _, name := range names(k.Steps) {
		all = append(all, describe(name, k.Steps[name].Settings()))
	}
	return all
}

func describe(name string, settings any) BlockType {
	return describeStruct(name, reflect.ValueOf(settings).Elem())
}

// describeStruct describes the struct v, which has its defaults.
func describeStruct(name string, v reflect.Value) BlockType {
	t := v.Type()
	b := BlockType{Name: name}
	s := schemaOf(t)
	for _, f := range inFieldOrder(s.attrs) {
		owner := t
		for _, i := range f.index[:len(f.index)-1] {
			owner = owner.Field(i).Type
		}
		b.Attributes = append(b.Attributes, Attribute{
			Name: f.name, Package: owner.PkgPath(), Type: owner.Name(), Field: t.FieldByIndex(f.index).Name,
			Value: valueName(f.typ), Required: f.required, Default: defaultText(v.FieldByIndex(f.index)),
		})
	}
	for _, f := range inFieldOrder(s.blocks) {
		inner := v.FieldByIndex(f.index)
		if inner.Kind() != reflect.Struct {
			inner = reflect.New(blockType(f.typ)).Elem()
		}
		b.Blocks = append(b.Blocks, describeStruct(name+" "+f.name, inner))
	}
	return b
}

// inFieldOrder returns fields in the order of the struct.
func inFieldOrder(fields map[string]field) []field {
	var all []field
	for _, f := range fields {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return all
}

// valueName returns what a manual calls the values of a type.
func valueName(t reflect.Type) string {
	switch t {
	case durationType:
		return "duration"
	case sizeType:
		return "size"
	case secretType, credentialType:
		return "secret"
	case textsType:
		return "text or list"
	case expressionType:
		return "expression"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return valueName(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "map"
	}
	return "number"
}

// defaultText returns a default as a file would have it; "" for the zero value, except for a boolean.
func defaultText(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Bool:
		return fmt.Sprint(v.Bool())
	case v.IsZero() || v.Type() == secretType:
		return ""
	}
	switch v.Kind() {
	case reflect.Pointer:
		return defaultText(v.Elem())
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, fmt.Sprintf("%q", v.Index(i).String()))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	if s, is := v.Interface().(fmt.Stringer); is {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(v.Interface())
}
