package testenv

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/tailrace/tailrace/internal/testenv/install"
)

// Fetch downloads and prepares everything that the servers of this package need, and reports missing programs of the system.
func Fetch() error {
	var errs []error
	for _, version := range []int{Oldest, FailoverSlots, Newest} {
		binaries, err := install.Postgres(version)
		if err == nil {
			_, err = postgresTemplate(version, binaries)
		}
		errs = append(errs, err)
	}
	for _, program := range []string{"java", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			errs = append(errs, fmt.Errorf("tests need the program %s: %w", program, err))
		}
	}
	jars, err := install.KafkaJars()
	if err == nil {
		_, err = kafkaTemplate(jars)
	}
	_, tools := install.KafkaTools()
	return errors.Join(append(errs, err, tools)...)
}
