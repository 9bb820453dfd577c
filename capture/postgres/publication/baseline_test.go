package publication

import (
	"reflect"
	"testing"
)

func TestBaselinesInTheComment(t *testing.T) {
	all := map[uint32]Baseline{16384: {Columns: 7, Names: []uint32{1, 0xffffffff}}, 4294967295: {Columns: 1600}}
	text := formatBaselines(all)
	if text != "16384/7/1,ffffffff 4294967295/1600/" {
		t.Errorf("baselines %q", text)
	}
	if got := parseBaselines(text + " 1/2 x/1/1 1/99999/1 junk"); !reflect.DeepEqual(got, all) {
		t.Errorf("parsed %v", got)
	}
	c := Comment{Verdict: "x", Rest: "ours\nand more", Baselines: text}
	verdict, rest := splitVerdict(c.String())
	baselines, rest := splitBaselines(rest)
	if got := (Comment{Verdict: verdict, Rest: rest, Baselines: baselines}); got != c {
		t.Errorf("read back %+v", got)
	}
	if got := (Comment{Baselines: "1/2/3"}).String(); got != "tailrace: columns: 1/2/3" {
		t.Errorf("a comment of baselines alone is %q", got)
	}
	if baselines, rest := splitBaselines("ours"); baselines != "" || rest != "ours" {
		t.Errorf("a comment without baselines: %q and %q", baselines, rest)
	}
}

// Baselines of tables that are gone are kept, but not forever.
func TestBaselinesOfTablesThatAreGone(t *testing.T) {
	recorded := map[uint32]Baseline{10: {Columns: 3}, 11: {Columns: 4}}
	for oid := range uint32(maxGone + 5) {
		recorded[20_000+oid] = Baseline{Columns: 1}
	}
	p := &Plan{actual: &definition{Baselines: formatBaselines(recorded)}}
	for oid, name := range map[uint32]string{10: "tracked", 11: "published", 12: "new"} {
		p.targets = append(p.targets, &target{candidate: candidate{OID: oid, Name: name, Attributes: 9}, attributes: []attribute{{Name: "id"}}})
	}
	got := parseBaselines(p.baselines(&Config{Tracks: func(_, name string) bool { return name != "published" }}))
	if len(got) != maxGone+2 || got[10].Columns != 3 || got[12].Columns != 9 || len(got[12].Names) != 1 {
		t.Errorf("%d baselines, %v, %v", len(got), got[10], got[12])
	}
	if _, kept := got[20_000]; kept {
		t.Error("the oldest one that is gone is kept")
	}
	if b := p.baselines(&Config{}); b != "" {
		t.Errorf("without tracking: %.100q", b)
	}
}
