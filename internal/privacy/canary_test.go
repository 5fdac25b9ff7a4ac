package privacy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const key = "canary-key-6f1d"

// row has a canary in every personal field, in fields that later versions of the API may add about the contact, and in
// the names that users choose, where these do not look like identifiers. Only the statuses, results, timestamps, and the
// names of the campaign and the assistant are not personal.
func row(i int) string {
	attempt := `{"id":"a","status":"completed","result":"human","ended_by":"agent",
		"end_reason":"+33 6 12 34 5678 canary01","started_at":"2024-05-01T08:00:00Z",
		"answered_at":"2024-05-01T08:00:05Z","ended_at":"2024-05-01T08:01:00Z canary02",
		"phone_number":"+33canary03","recording_url":"https://canary04.invalid/x",
		"structured_output":{"canary05":"canary06"},
		"transcript":[{"role":"user","content":"canary07"},
			{"role":"tool","content":"canary08","tool_arguments":{"canary09":"canary10"},"tool_name":"+33 canary11"}]}`
	return fmt.Sprintf(`{"id":"canary12-%d","row_index":%d,"phone_number":"+33canary13",
		"input_data":{"canary14":"canary15"},"email":"jane@canary16.invalid",
		"call":{"id":"canary17","status":"completed","outcome":"jane@canary18.invalid",
		"created_at":"2024-05-01T08:00:00Z","scheduled_at":"canary19","campaign":{"id":"c","name":"Spring"},
		"from_phone_number":"+33canary20","to_phone_number":"+33canary21","metadata":{"canary22":"canary23"},
		"organization_id":"canary24",
		"llm_model":{"type":"openrouter","openrouter_model_id":"jane@canary52.invalid","openrouter_provider":"canary 53"},
		"assistant":{"id":"jane@canary25.invalid","name":"Anna","voice":{"id":"canary26","provider":"canary 54"},"prompt":"canary27","first_sentence":"canary28",
			"end_of_call_sentence":"canary29","voicemail_message":"canary30","transfer_phone_number":"+33canary31",
			"webhook_url":"https://canary32.invalid","faq_items":[{"question":"canary33","answer":"canary34"}],
			"calendly":{"connection_id":"canary35"},
			"structured_output_config":[{"name":"canary36","description":"canary37"}]},
		"contact":{"canary38":"canary39"},"call_attempts":[%s],"last_call_attempt":%s}}`, i, i, attempt, attempt)
}

// Whatever goes wrong with rows that are full of canaries, none is shown: neither in metrics of either format, on pages
// or in the debug log, nor in the dump of all stacks that a killed or panicking process leaves, nor in a file.
func TestNoCanaryIsShown(t *testing.T) {
	for name, test := range map[string]struct {
		fault revoxtest.Behavior
		fails bool // the scan fails, and the data of the one before stays
	}{
		"hang":                  {revoxtest.HangInBody(), false},
		"cut JSON":              {revoxtest.CutJSON(), true},
		"text for phone number": {revoxtest.SetField("phone_number", `{"canary40":["canary41"]}`), false},
		"text for input data":   {revoxtest.SetField("input_data", `"canary42"`), false},
		"text for call":         {revoxtest.SetField("call", `"canary43"`), true},
		"text for attempts":     {revoxtest.SetField("call_attempts", `{"canary44":1}`), true},
		"number for a status":   {revoxtest.SetField("status", `{"canary45":1}`), true},
		"wrong JSON":            {revoxtest.TrailingBytes(`canary46`), true},
		"error page":            {revoxtest.Status(500, http.Header{"X-Canary": {"canary47"}}, "canary48 "+key), true},
		"refusal that quotes":   {revoxtest.Status(401, http.Header{"Www-Authenticate": {"canary49 " + key}}, key), true},
		"redirect that quotes":  {revoxtest.Redirect("https://elsewhere.invalid/canary50?key=" + key), true},
		"another code":          {revoxtest.Status(299, nil, "canary51"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := revoxtest.NewServer(revoxtest.WithAPIKey(key))
			defer api.Close()
			var rows []json.RawMessage
			for i := range 20 {
				rows = append(rows, json.RawMessage(row(i)))
			}
			api.SetRows("c", "Spring", rows)
			state := t.TempDir()
			args := []string{"--revox.base-url=" + api.URL, "--campaign.id=c", "--revox.max-retries=0"}
			env := []string{"REVOX_API_KEY=" + key}
			shown := map[string]string{}
			look := func(when string, p process) {
				for _, path := range []string{"/metrics", "/", "/-/ready", "/-/healthy", "/debug/pprof/cmdline",
					"/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
					shown[when+path] = p.body(path)
				}
				shown[when+" protobuf"] = p.body("/metrics", "Accept",
					"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
			}

			p := start(t, env, append(args, "--state.path="+state, "--web.enable-pprof", "--scan.interval=1s")...)
			p.await(`revox_campaign_up{campaign_id="c"} 1`)
			look("before", p)
			asked := api.RequestCount()
			api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: test.fault})
			if err := api.WaitForRequests(t.Context(), asked+1); err != nil {
				t.Fatal(err)
			}
			if test.fails {
				p.await(`revox_campaign_up{campaign_id="c"} 0`)
			}
			look("after", p)
			p.End(syscall.SIGQUIT)
			shown["log and stacks"] = p.Log()
			if !strings.Contains(p.Log(), "goroutine ") {
				t.Error("there is no dump of the stacks, so this proves nothing")
			}
			check := programtest.Command(t.Context(), t, env, append([]string{"check", "--revox.timeout=1s"}, args...)...)
			out, _ := check.CombinedOutput() // its exit code does not matter
			shown["check"] = string(out)
			if err := filepath.WalkDir(state, func(path string, entry os.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				shown[path] = string(text)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for where, text := range shown {
				for _, canary := range []string{"canary", "jane", "6 12 34", key} {
					if i := strings.Index(text, canary); i >= 0 {
						t.Errorf("%s shows %q", where, text[max(0, i-60):min(len(text), i+60)])
					}
				}
			}
			if !strings.Contains(shown["before/metrics"], `revox_campaign_rows{campaign_id="c"} 20`) {
				t.Error("the rows were never read, so this proves nothing")
			}
		})
	}
}
