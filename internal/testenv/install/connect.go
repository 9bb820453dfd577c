package install

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Debezium is the version of the connector that ConnectJars downloads.
const Debezium = "3.6.1.Final"

// connectRelease names the folder in the cache. Change it with the versions in connect_pom.xml.
const connectRelease = "connect-" + KafkaRelease + "-debezium-" + Debezium

//go:embed connect_pom.xml
var connectPom []byte

// ConnectJars returns the class path of Kafka Connect and the folder of plugins with Debezium's connector for Postgres,
// downloading both once. Only the benchmarks need them, so testenv.Fetch does not download them.
func ConnectJars() (classPath, plugins string, err error) {
	dir, err := Once(connectRelease, fetchConnect)
	if err != nil {
		return "", "", err
	}
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	return strings.Join(jars, ":"), filepath.Join(dir, "plugins"), err
}

func fetchConnect(dir string) error {
	Progress("fetch Kafka Connect and Debezium %s", Debezium)
	plugins := filepath.Join(dir, "plugins")
	if err := os.Mkdir(plugins, 0o755); err != nil {
		return fmt.Errorf("fetch Debezium: %w", err)
	}
	artifact := "io.debezium:debezium-connector-postgres:" + Debezium + ":tar.gz:plugin"
	err := maven(dir, connectPom, []string{"dependency:copy", "-Dartifact=" + artifact, "-DoutputDirectory=" + dir},
		[]string{"dependency:copy-dependencies", "-DoutputDirectory=" + dir})
	if err != nil {
		return fmt.Errorf("fetch Debezium: %w", err)
	}
	archive := filepath.Join(dir, "debezium-connector-postgres-"+Debezium+"-plugin.tar.gz")
	if out, err := exec.Command("tar", "-xzf", archive, "-C", plugins).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack Debezium: %w\n%s", err, out)
	}
	return openToAll(dir)
}

// maven runs goals on a pom in the folder dir, with a repository of its own: the user's home may not exist.
func maven(dir string, pom []byte, goals ...[]string) error {
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	repository := filepath.Join(dir, "repository")
	for _, goal := range goals {
		mvn := exec.Command("mvn", append([]string{"--batch-mode", "--quiet", "--file", file, "-Dmaven.repo.local=" + repository}, goal...)...)
		if out, err := mvn.CombinedOutput(); err != nil {
			return fmt.Errorf("mvn %s: %w\n%s", goal[0], err, out)
		}
	}
	return os.RemoveAll(repository)
}
