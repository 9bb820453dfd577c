package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/install"
)

// connectWorker is the configuration of a Kafka Connect worker. JSON without schemas is its cheapest format for the same
// content.
const connectWorker = `
bootstrap.servers=%s
listeners=http://%s
key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=%[3]t
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=%[3]t
offset.storage.file.filename=%[4]s
plugin.path=%[5]s
plugin.discovery=service_load
topic.creation.enable=false
`

// javaFlags are the flags of Connect's process.
var javaFlags = []string{"-Xms2g", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}

// connect returns the command that runs one connector, which has the job's name, in its own Kafka Connect. More are
// additional lines of the worker's file.
func (p *Program) connect(ctx context.Context, connector, more string) error {
	classPath, plugins, err := install.ConnectJars()
	if err != nil {
		return err
	}
	sinks, err := install.JDBCSink()
	if err != nil {
		return err
	}
	listen, err := testenv.FreeAddress()
	if err != nil {
		return err
	}
	schemas := p.job.Sink.Format == JSONSchemas
	worker := fmt.Sprintf(connectWorker, p.job.From.Site.Brokers(), listen, schemas, filepath.Join(p.dir, "offsets"), plugins+","+sinks)
	args := append(javaFlags[:len(javaFlags):len(javaFlags)], "-cp", classPath, "org.apache.kafka.connect.cli.ConnectStandalone")
	for _, f := range [][2]string{{"worker", worker + more}, {"connector", connector}} {
		file := filepath.Join(p.dir, f[0]+".properties")
		if err := os.WriteFile(file, []byte(f[1]), 0o600); err != nil {
			return err
		}
		args = append(args, file)
	}
	p.cmd = exec.CommandContext(ctx, "java", args...)
	p.stop = syscall.SIGKILL // it stops slowly, and has no state to save
	p.findFailure = func() error { return failedTask(ctx, listen, p.job.Name) }
	return nil
}

// failedTask asks Kafka Connect whether a connector has failed, and why.
func failedTask(ctx context.Context, listen, name string) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/connectors/"+name+"/status", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return nil // it is starting, or it has stalled
	}
	defer answer.Body.Close()
	var status struct {
		Tasks []struct{ State, Trace string }
	}
	if json.NewDecoder(answer.Body).Decode(&status) != nil {
		return nil
	}
	for _, t := range status.Tasks {
		if t.State == "FAILED" {
			return errors.New("the task has failed: " + strings.TrimSpace(t.Trace[:min(len(t.Trace), 1500)]))
		}
	}
	return nil
}
