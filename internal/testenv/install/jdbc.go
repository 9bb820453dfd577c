package install

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// DebeziumJDBC is the version of the sink that JDBCSink downloads: the newest on Maven Central.
const DebeziumJDBC = "3.6.0.Final"

// JDBCSink returns the folder of plugins with Debezium's sink for databases, downloading it once. It runs in the Kafka
// Connect of ConnectJars.
func JDBCSink() (plugins string, err error) {
	return Once("debezium-jdbc-"+DebeziumJDBC, fetchJDBCSink)
}

func fetchJDBCSink(dir string) error {
	Progress("fetch Debezium's JDBC sink %s", DebeziumJDBC)
	artifact := "io.debezium:debezium-connector-jdbc:" + DebeziumJDBC + ":tar.gz:plugin"
	if err := maven(dir, connectPom, []string{"dependency:copy", "-Dartifact=" + artifact, "-DoutputDirectory=" + dir}); err != nil {
		return fmt.Errorf("fetch Debezium's JDBC sink: %w", err)
	}
	archive := filepath.Join(dir, "debezium-connector-jdbc-"+DebeziumJDBC+"-plugin.tar.gz")
	if out, err := exec.Command("tar", "-xzf", archive, "-C", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack Debezium's JDBC sink: %w\n%s", err, out)
	}
	return openToAll(dir)
}
