package exportertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// CallRow returns a row, as JSON, with a call of the given status and attempts, which are JSON objects too.
func CallRow(id, status string, attempts ...string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id": %q, "call": {"id": "c-%s", "status": %q, `+
		`"created_at": "2024-05-01T08:00:00Z", "call_attempts": [%s]}}`, id, id, status, strings.Join(attempts, ",")))
}

// EndedAttempt returns, as JSON, a completed attempt with a result. It rang for 5 s an hour before Start, and people
// talked for a number of seconds.
func EndedAttempt(result string, talked int) string {
	answered := Start.Add(-time.Hour + 5*time.Second)
	started, ended := answered.Add(-5*time.Second), answered.Add(time.Duration(talked)*time.Second)
	return fmt.Sprintf(`{"status": "completed", "result": %q, "ended_by": "user", `+
		`"started_at": %q, "answered_at": %q, "ended_at": %q}`,
		result, started.Format(time.RFC3339), answered.Format(time.RFC3339), ended.Format(time.RFC3339))
}

// FailedAttempt is an attempt that nobody answered.
const FailedAttempt = `{"status": "error", "dial_error": "no_answer", "started_at": "2024-05-01T08:00:00Z", "ended_at": "2024-05-01T08:00:30Z"}`
