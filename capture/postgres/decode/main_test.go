package decode

import (
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
