package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// schema describes the tags of a settings struct. Fields of embedded structs count as the struct's own.
type schema struct {
	attrs  map[string]field
	blocks map[string]field
	labels []field
	place  []int // index of the field tagged ",range"; nil without one
}

type field struct {
	name     string
	index    []int
	typ      reflect.Type
	required bool
}

var (
	durationType   = reflect.TypeFor[Duration]()
	expressionType = reflect.TypeFor[*Expression]()
	sizeType       = reflect.TypeFor[Size]()
	secretType     = reflect.TypeFor[Secret]()
	textsType      = reflect.TypeFor[Texts]()
	credentialType = reflect.TypeFor[Credential]()
	rangeType      = reflect.TypeFor[hcl.Range]()
)

// schemaOf reads the tags of a struct. It panics on a tag that config.Kinds does not allow.
func schemaOf(t reflect.Type) schema {
	s := schema{attrs: map[string]field{}, blocks: map[string]field{}}
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(tag, ",")
		fl := field{name: name, index: f.Index, typ: f.Type, required: kind == ""}
		switch kind {
		case "", "optional":
			if !isValue(f.Type) {
				panic(fmt.Sprintf("config: %s.%s: an attribute cannot be a %s", t, f.Name, f.Type))
			}
			s.attrs[name] = fl
		case "block":
			schemaOf(blockType(f.Type)) // panics early
			s.blocks[name] = fl
		case "label":
			s.labels = append(s.labels, fl)
		case "range":
			s.place = f.Index
		default:
			panic(fmt.Sprintf("config: %s.%s: tag %q", t, f.Name, tag))
		}
	}
	return s
}

// isValue reports whether an attribute can be decoded into a type, or into what it points to.
func isValue(t reflect.Type) bool {
	if t == expressionType || t == credentialType {
		return true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	case reflect.Slice, reflect.Map:
		return t.Elem().Kind() == reflect.String && (t.Kind() == reflect.Slice || t.Key().Kind() == reflect.String)
	}
	return false
}

// blockType is the struct behind struct, *struct, []struct and []*struct.
func blockType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == rangeType {
		panic(fmt.Sprintf("config: a block cannot be a %s", t))
	}
	return t
}

// names are an attribute's or a block's known names, sorted.
func names[T any](m map[string]T) []string {
	var all []string
	for n := range m {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// secretNames are the names of the attributes that hold a Secret, of a block of a type and of those nested in it.
func (s schema) secretNames(block string, into map[string]map[string]bool) {
	if into[block] == nil {
		into[block] = map[string]bool{}
	}
	for _, f := range s.attrs {
		if f.typ == secretType || f.typ == reflect.PointerTo(secretType) || f.typ == credentialType {
			into[block][f.name] = true
		}
	}
	for _, f := range s.blocks {
		schemaOf(blockType(f.typ)).secretNames(f.name, into)
	}
}
