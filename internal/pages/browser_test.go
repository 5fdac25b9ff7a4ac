//go:build browser

package pages_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// The landing page in Chromium, as people see it: no name runs as code, nothing is loaded from elsewhere, and nothing is
// wider than the screen of a phone.
func TestLandingPageInABrowser(t *testing.T) {
	names := []string{
		"Spring offer",
		`<script>window.owned = 1</script>`,
		`"><img src=x onerror="window.owned = 2"></table></body>`,
		`</style><style>body{display:none}</style>`,
		"\u202eright to left \u2066 and what not",
		strings.Repeat("W", 250),
	}
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		for i, name := range names {
			api.SetRows(fmt.Sprintf("campaign-%d-0c7c1d8e-6b7f-4f8e-9d3a-5a4b3c2d1e0f", i), name, rowsOf("completed", "calling"))
		}
		for id, name := range map[string]string{
			`x"onmouseover="window.owned=3`: "Failing", strings.Repeat("i", 200): "Long ID that fails",
		} {
			api.SetRows(id, name, nil)
			api.AddFault(revoxtest.Fault{Campaign: id, Behavior: revoxtest.Status(503, nil, "")})
		}
		c.Discovery = discovered()
	}).run()
	w.Settle()

	b := startBrowser(t)
	for _, screen := range []struct {
		name          string
		width, height int
		mobile, dark  bool
	}{
		{"small phone", 320, 568, true, false},
		{"phone", 390, 844, true, true},
		{"tablet", 800, 1100, true, false},
		{"desktop", 1280, 800, false, true},
	} {
		t.Run(screen.name, func(t *testing.T) {
			p := b.open(t, w.pages.URL+"/", screen.width, screen.height, screen.mobile, screen.dark)
			var seen struct {
				Owned      bool
				Scripts    int
				Images     int
				Campaigns  int
				Names      []string
				Errors     int
				Progress   float64
				HeadShown  bool
				BodyShown  bool
				Refresh    string
				Bad        string // the colour of errors, which shows which style applies
				Wide       int    // the page's width
				Wider      []string
				FontPixels float64
			}
			p.evaluate(t, `({
				Owned: 'owned' in window,
				Scripts: document.scripts.length,
				Images: document.images.length,
				Campaigns: document.querySelectorAll('tbody bdi').length,
				Names: [...document.querySelectorAll('tbody bdi')].map(e => e.textContent),
				Errors: document.querySelectorAll('tr.error').length,
				Progress: document.querySelector('progress').position,
				HeadShown: document.querySelector('thead').offsetHeight > 0,
				BodyShown: document.querySelector('table').offsetHeight > 0,
				Refresh: document.querySelector('meta[http-equiv=refresh]').content,
				Bad: getComputedStyle(document.documentElement).getPropertyValue('--bad').trim(),
				Wide: document.documentElement.scrollWidth,
				Wider: [...document.querySelectorAll('body *')]
					.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 80)).slice(0, 5),
				FontPixels: parseFloat(getComputedStyle(document.querySelector('td')).fontSize),
			})`, &seen)
			if seen.Owned || seen.Scripts != 0 || seen.Images != 0 {
				t.Errorf("a name became part of the page: %+v", seen)
			}
			if seen.Campaigns != len(names)+2 || seen.Errors != 2 || !seen.BodyShown || seen.Progress != 0.5 || seen.Refresh != "30" {
				t.Errorf("the table is incomplete: %+v", seen)
			}
			shown := strings.Join(seen.Names, "\n")
			for _, name := range names {
				// What changes the direction of text is not shown.
				if name = strings.NewReplacer("\u202e", "", "\u2066", "").Replace(name); !strings.Contains(shown, name) {
					t.Errorf("the name %q is not shown", name)
				}
			}
			if strings.ContainsAny(shown, "\u202e\u2066") {
				t.Errorf("names change the direction of text: %q", shown)
			}
			if seen.Wide > screen.width || len(seen.Wider) > 0 {
				t.Errorf("%d pixels wide on a screen of %d; too wide are %q", seen.Wide, screen.width, seen.Wider)
			}
			if narrow := screen.width <= 768; seen.HeadShown == narrow || seen.FontPixels < 16 {
				t.Errorf("the layout is not that for this screen: %+v", seen)
			}
			if want := map[bool]string{false: "#b3261e", true: "#ff8a80"}[screen.dark]; seen.Bad != want {
				t.Errorf("errors are %s, want %s", seen.Bad, want)
			}
			for _, url := range p.requests {
				if url != w.pages.URL+"/" && url != w.pages.URL+"/favicon.ico" {
					t.Errorf("the page asks for %s", url)
				}
			}
		})
	}
}

// The links that select campaigns work by clicking, without scripts.
func TestLandingPageSelectsByClick(t *testing.T) {
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		for i := range 105 {
			api.SetRows(fmt.Sprint("c-", i), fmt.Sprintf("Offer %03d", i), nil)
		}
		api.AddFault(revoxtest.Fault{Campaign: "c-50", Behavior: revoxtest.Status(503, nil, "")})
		api.Pause("c-60")
		c.Discovery = discovered()
		c.Discovery.Statuses = []string{"running", "paused"}
	}).run()
	w.Settle()
	p := startBrowser(t).open(t, w.pages.URL+"/", 390, 844, true, false)
	for _, step := range []struct {
		click string
		first string
		shown int
	}{
		{"2", "Offer 100", 5}, {"1 failing", "Offer 050", 1}, {"all", "Offer 050", 100}, {"1 paused", "Offer 060", 1},
		{"104 running", "Offer 050", 100},
	} {
		p.loaded = false
		p.evaluate(t, fmt.Sprintf(`[...document.querySelectorAll('a')].find(a => a.textContent == %q).click()`, step.click), nil)
		for !p.loaded {
			p.next(t)
		}
		var names []string
		p.evaluate(t, `[...document.querySelectorAll('tbody bdi')].map(e => e.textContent)`, &names)
		if len(names) != step.shown || names[0] != step.first {
			t.Errorf("after a click on %q there are %d campaigns: %q", step.click, len(names), names)
		}
	}
}

// In a page without the policy the browser runs a script, so the test above can fail.
func TestBrowserRunsWhatItIsLet(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<body><script>window.owned = 1</script><p style="width: 2000px">wide</p>`)
	}))
	t.Cleanup(web.Close)
	p := startBrowser(t).open(t, web.URL+"/", 390, 844, false, false)
	var seen struct {
		Owned bool
		Wide  int
	}
	p.evaluate(t, `({Owned: 'owned' in window, Wide: document.documentElement.scrollWidth})`, &seen)
	if !seen.Owned || seen.Wide < 2000 || len(p.requests) == 0 {
		t.Errorf("%+v, %q", seen, p.requests)
	}
}

// patience is how long a test waits for the browser before it fails.
const patience = 30 * time.Second

// browser is a Chromium that the test controls over a pair of pipes, with the DevTools protocol.
type browser struct {
	in       io.Writer
	messages chan message
	id       int
}

type message struct {
	ID        int             `json:"id"`
	Method    string          `json:"method"`
	SessionID string          `json:"sessionId"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	theirsIn, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read, theirsOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirsIn, theirsOut} // its descriptors 3 and 4
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirsIn.Close()
	theirsOut.Close()
	b := &browser{in: ours, messages: make(chan message, 1000)}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(b.messages)
		lines := bufio.NewReader(read)
		for {
			line, err := lines.ReadBytes(0)
			if err != nil {
				return
			}
			var m message
			if err := json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m); err == nil {
				b.messages <- m
			}
		}
	})
	t.Cleanup(func() {
		// When asked, it ends with all its processes and stops writing to its folder.
		_, _ = ours.Write([]byte(`{"id": 0, "method": "Browser.close"}` + "\x00"))
		kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		for range b.messages {
		}
		reading.Wait()
		_ = cmd.Wait() // how it ended does not matter
		read.Close()
		ours.Close()
		if t.Failed() {
			t.Logf("the browser says:\n%s", &stderr)
		}
	})
	return b
}

// tab is a page in the browser.
type tab struct {
	b        *browser
	session  string
	requests []string
	loaded   bool
}

// open shows a page on a screen, and returns when it is loaded.
func (b *browser) open(t *testing.T, url string, width, height int, mobile, dark bool) *tab {
	t.Helper()
	p := &tab{b: b}
	var target struct{ TargetID string }
	p.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	scheme := map[bool]string{false: "light", true: "dark"}[dark]
	p.call(t, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}, nil)
	p.call(t, "Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	p.call(t, "Page.enable", map[string]any{}, nil)
	p.call(t, "Network.enable", map[string]any{}, nil)
	p.call(t, "Page.navigate", map[string]any{"url": url}, nil)
	for !p.loaded {
		p.next(t)
	}
	return p
}

// evaluate stores the value that an expression has in the page in out, unless that is nil.
func (p *tab) evaluate(t *testing.T, expression string, out any) {
	t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if out == nil && answer.ExceptionDetails == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, out); err != nil {
		t.Fatalf("%v: %s", err, answer.ExceptionDetails)
	}
}

// call asks the browser for something and waits for its answer.
func (p *tab) call(t *testing.T, method string, params map[string]any, result any) {
	t.Helper()
	p.b.id++
	id := p.b.id
	question := map[string]any{"id": id, "method": method, "params": params}
	if p.session != "" {
		question["sessionId"] = p.session
	}
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.b.in.Write(append(text, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		m := p.next(t)
		if m.ID != id {
			continue
		}
		if m.Error != nil {
			t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
}

// next returns the browser's next message, and keeps what it says about this tab.
func (p *tab) next(t *testing.T) message {
	t.Helper()
	select {
	case m, ok := <-p.b.messages:
		if !ok {
			t.Fatal("the browser has ended")
		}
		if m.SessionID == p.session {
			switch m.Method {
			case "Page.loadEventFired":
				p.loaded = true
			case "Network.requestWillBeSent":
				var sent struct{ Request struct{ URL string } }
				if err := json.Unmarshal(m.Params, &sent); err != nil {
					t.Fatal(err)
				}
				p.requests = append(p.requests, sent.Request.URL)
			}
		}
		return m
	case <-time.After(patience):
		t.Fatal("the browser does not answer")
	}
	return message{}
}
