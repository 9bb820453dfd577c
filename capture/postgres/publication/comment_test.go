package publication

import "testing"

func TestCommentAsText(t *testing.T) {
	for want, c := range map[string]Comment{
		"":                                {},
		"mine":                            {Rest: "mine\n"},
		verdictHead + "a b":               {Verdict: "a\nb"},
		verdictHead + "a\nmine\nand more": {Verdict: "a", Rest: "mine\nand more"},
	} {
		if got := c.String(); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}
