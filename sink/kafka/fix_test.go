package kafka_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// runFix runs the commands of a fix in a shell, as they were printed, with Kafka's own tools, and returns what they print. What
// the operator has to choose is replaced first, as in strings.NewReplacer.
func runFix(t *testing.T, fix string, choices ...string) (printed string) {
	t.Helper()
	scripts := testenv.KafkaScripts(t)
	commands := regexp.MustCompile(`kafka-[a-z]+\.sh.*`).FindAllString(strings.NewReplacer(choices...).Replace(fix), -1)
	if len(commands) == 0 {
		t.Fatalf("no command in %q", fix)
	}
	for _, command := range commands {
		shell := exec.CommandContext(t.Context(), "sh", "-c", command)
		shell.Env = append(os.Environ(), "PATH="+scripts+":"+os.Getenv("PATH"))
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		printed += string(out)
	}
	return printed
}
