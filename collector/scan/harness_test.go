package scan_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/exportertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	newServer = exportertest.NewServer
	newClient = exportertest.NewClient
)
