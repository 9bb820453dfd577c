package postgres

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// onVersions runs tests with a server of the oldest and one of the newest version.
func onVersions(t *testing.T, tests ...func(*testing.T, *testenv.PostgresServer)) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.Postgres(t, testenv.Version(version))
		for _, test := range tests {
			name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
			t.Run(fmt.Sprintf("%s/%d", name[strings.LastIndexByte(name, '.')+1:], version),
				func(t *testing.T) { test(t, s) })
		}
	}
}
