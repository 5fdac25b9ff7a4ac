package check_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
	"golang.org/x/text/width"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// terminal is a pseudo-terminal that keeps what is written to it.
type terminal struct {
	t       *testing.T
	theirs  *os.File
	reading sync.WaitGroup

	mu   sync.Mutex
	text strings.Builder
}

func newTerminal(t *testing.T, columns int) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ours.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	if controlErr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
		}
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, theirs: theirs}
	p.reading.Go(func() {
		defer ours.Close()
		for buffer := make([]byte, 4096); ; {
			n, err := ours.Read(buffer)
			p.mu.Lock()
			p.text.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil { // nobody has it open any more
				return
			}
		}
	})
	return p
}

// shown returns what was written so far.
func (p *terminal) shown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.text.String(), "\r\n", "\n")
}

// end closes the test's end of the terminal, and returns all that was written.
func (p *terminal) end() string {
	p.theirs.Close()
	p.reading.Wait()
	return p.shown()
}

// awaits returns when something is shown.
func (p *terminal) awaits(pattern string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !regexp.MustCompile(pattern).MatchString(p.shown()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%q is not shown:\n%q", pattern, p.shown())
		}
	}
}

// onTerminals returns the check command with arguments, and with the key and a usual TERM in its environment.
func onTerminals(t *testing.T, out, progress *os.File, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	env = append([]string{"REVOX_API_KEY=" + revoxtest.APIKey, "TERM=xterm-256color"}, env...)
	cmd := programtest.Command(ctx, t, env, append([]string{"check"}, args...)...)
	cmd.Stdout, cmd.Stderr = out, progress
	return cmd
}

var (
	colours = regexp.MustCompile(`\x1b\[\d*m`)
	redraw  = "\r\x1b[K"
)

// widest returns the width of the widest line of a text that has no escape sequences left.
func widest(text string) (columns int, line string) {
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		n := 0
		for _, r := range l {
			kind := width.LookupRune(r).Kind()
			switch {
			case unicode.In(r, unicode.Mn, unicode.Me):
			case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
				n += 2
			default:
				n++
			}
		}
		if n > columns {
			columns, line = n, l
		}
	}
	return columns, line
}

var awkwardNames = []string{
	"Spring offer",
	strings.Repeat("東京ソーラー", 20),
	strings.Repeat("e\u0301\u0323", 80),
	strings.Repeat("🎉👩\u200d💻", 40),
	strings.Repeat("W", 200),
	strings.Repeat("many words ", 20),
	"",
}

// Whatever campaigns are called, however many there are and whatever fails, the table and the progress fit the terminal.
func TestTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	faults := []struct {
		reason string
		revoxtest.Behavior
	}{
		{"not_found", revoxtest.Status(404, nil, "")}, {"server_error", revoxtest.Status(503, nil, "")},
		{"auth", revoxtest.Status(403, nil, "")}, {"rate_limited", revoxtest.Status(429, nil, "")},
		{"bad_response", revoxtest.Body("text/html", "x")}, {"timeout", revoxtest.Hang()}, {"connection", revoxtest.Reset()},
	}
	for _, campaigns := range []int{1, 3, 300} {
		api := newAPI(t)
		for i := range campaigns {
			id := fmt.Sprintf("campaign-%03d", i)
			big := []json.RawMessage{row("1", "completed", talked("human", 40), undialled("busy"), talked("human", 4000))}
			more := 0
			if i%50 == 1 {
				more = 1200
			}
			api.SetRows(id, awkwardNames[i%len(awkwardNames)], append(big, rows(more)...))
		}
		failing := map[string]string{}
		for i, fault := range faults[:min(len(faults), campaigns-1)] {
			id := fmt.Sprintf("campaign-%03d", i)
			failing[id] = fault.reason
			api.AddFault(revoxtest.Fault{Campaign: id, Endpoint: "rows", Behavior: fault.Behavior})
		}
		var mu sync.Mutex
		heads := map[int]string{}
		fits := func(t *testing.T, columns int) {
			p := newTerminal(t, columns)
			cmd := onTerminals(t, p.theirs, p.theirs, nil, "--revox.base-url="+api.URL, "--campaign.discover", "--revox.timeout=5s",
				"--revox.max-retries=0")
			_ = cmd.Run() // the exit code is checked below
			text := p.end()
			if code := cmd.ProcessState.ExitCode(); (code == 0) != (len(failing) == 0) || code > 1 {
				t.Errorf("exit code %d:\n%s", code, text)
			}
			parts := strings.Split(text, redraw)
			for _, line := range parts[:len(parts)-1] {
				if n, _ := widest(line); n >= columns {
					t.Errorf("%d columns: the progress has %d: %q", columns, n, line)
				}
			}
			found := colours.ReplaceAllString(parts[len(parts)-1], "")
			if n, line := widest(found); n > columns {
				t.Errorf("%d columns: a line has %d: %q", columns, n, line)
			}
			if strings.ContainsRune(found, '\x1b') {
				t.Errorf("there is an escape sequence: %q", found)
			}
			head, _, _ := strings.Cut(found, "\n")
			mu.Lock()
			heads[columns] = head
			mu.Unlock()
			if strings.Count(found, "NOT READ") != len(failing) {
				t.Errorf("%d campaigns are not read, want %d:\n%s", strings.Count(found, "NOT READ"), len(failing), found)
			}
			_, list, _ := strings.Cut(found, fmt.Sprintf("\nNot read: %d of %d campaigns.\n", len(failing), campaigns))
			if n := strings.Count(list, "campaign-"); n != len(failing) {
				t.Errorf("%d campaigns are listed at the end, want %d:\n%s", n, len(failing), found)
			}
			for id, reason := range failing {
				if !strings.Contains(list, "  "+id+": "+reason) {
					t.Errorf("%s: %s is not listed at the end:\n%s", id, reason, list)
				}
			}
			if red := "\x1b[31mNOT READ\x1b[0m"; strings.Count(text, red) != len(failing) {
				t.Errorf("what was not read is not coloured:\n%q", text)
			}
		}
		t.Run(fmt.Sprint(campaigns), func(t *testing.T) { // returns when all have ended
			for _, columns := range []int{60, 80, 200} {
				t.Run(fmt.Sprint(columns), func(t *testing.T) {
					t.Parallel()
					fits(t, columns)
				})
			}
		})
		if strings.Contains(heads[60], "TOOK") || !strings.Contains(heads[80], "TOOK") || !strings.Contains(heads[60], "DONE") {
			t.Errorf("the columns are\n%s\n%s", heads[60], heads[80])
		}
		if len(heads[200]) <= len(heads[80]) && campaigns > 1 {
			t.Errorf("a wide terminal is not used:\n%s", heads[200])
		}
	}
}

// Colours are only for terminals whose user wants them; scripts and files get none.
func TestColours(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("c", "", rows(3))
	for _, test := range []struct {
		name    string
		env     []string
		args    []string
		out     bool // stdout is a terminal
		colours bool
	}{
		{"terminal", nil, nil, true, true},
		{"empty NO_COLOR", []string{"NO_COLOR="}, nil, true, true},
		{"NO_COLOR", []string{"NO_COLOR=1"}, nil, true, false},
		{"dumb terminal", []string{"TERM=dumb"}, nil, true, false},
		{"JSON", nil, []string{"--format=json"}, true, false},
		{"file", nil, nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newTerminal(t, 80)
			file, err := os.Create(t.TempDir() + "/out")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			out := file
			if test.out {
				out = p.theirs
			}
			cmd := onTerminals(t, out, p.theirs, test.env, append(test.args, "--revox.base-url="+api.URL, "--campaign.id=c",
				"--campaign.id=gone")...)
			_ = cmd.Run() // a campaign cannot be read
			text := p.end()
			written, err := os.ReadFile(file.Name())
			if err != nil {
				t.Fatal(err)
			}
			if colours.MatchString(text) != test.colours || colours.Match(written) || !strings.Contains(text+string(written), "not_found") {
				t.Errorf("it shows %q, and writes %q", text, written)
			}
			if strings.Contains(text, redraw) == (test.name == "dumb terminal") {
				t.Errorf("the progress is %q", text)
			}
		})
	}
}

// While the API does not answer, the progress says so, on a terminal of any width; SIGINT ends it and shows what was read.
func TestWaitingForTheAPIOnATerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{40, 80, 160} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			api.SetRows("a", "", rows(3))
			api.SetRows("b", "", rows(3))
			api.AddFault(revoxtest.Fault{Campaign: "b", Behavior: revoxtest.Hang()})
			p := newTerminal(t, columns)
			cmd := onTerminals(t, p.theirs, p.theirs, nil, "--revox.base-url="+api.URL, "--campaign.id=a", "--campaign.id=b")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			p.awaits(`1( of |/)2( campaigns)?  waiting for the API for \d+s`)
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the exit code is checked below
			text := p.end()
			parts := strings.Split(text, redraw)
			found := colours.ReplaceAllString(parts[len(parts)-1], "")
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(found, "CAMPAIGN") ||
				!strings.Contains(found, "\nNot read: 1 of 2 campaigns.\n  b: canceled\n") || strings.Contains(text, "goroutine") {
				t.Errorf("exit code %d:\n%s", code, text)
			}
			bars := 0
			for _, line := range parts[:len(parts)-1] {
				if n, _ := widest(line); n >= columns {
					t.Errorf("the progress has %d columns: %q", n, line)
				}
				if strings.HasPrefix(line, "["+strings.Repeat(".", columns/5)) {
					bars++
				}
			}
			if bars == 0 && columns >= 80 {
				t.Errorf("%d lines with a bar for this width:\n%q", bars, parts)
			}
		})
	}
}

// If nobody reads what was found, that is an error; if stderr is no terminal, it gets lines without escape sequences.
func TestClosedOutputAndOtherStderr(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("c", "", rows(3))
	args := []string{"--revox.base-url=" + api.URL, "--campaign.id=c"}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	p := newTerminal(t, 80)
	cmd := onTerminals(t, write, p.theirs, nil, args...)
	_ = cmd.Run() // the exit code is checked below
	write.Close()
	if text := p.end(); cmd.ProcessState.ExitCode() != 1 || strings.Count(text, "error: showing what was found: ") != 1 {
		t.Errorf("without a reader: exit code %d, %q", cmd.ProcessState.ExitCode(), text)
	}

	read, write, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p = newTerminal(t, 80)
	cmd = onTerminals(t, p.theirs, write, nil, args...)
	err = cmd.Run()
	write.Close()
	text := p.end()
	said, readErr := io.ReadAll(read)
	if err != nil || readErr != nil || string(said) != "campaign c (1 of 1): 3 rows in 0s\n" &&
		!regexp.MustCompile(`^campaign c \(1 of 1\): 3 rows in \S+\n$`).Match(said) || !colours.MatchString(text) {
		t.Errorf("%v: it shows %q, and says %q", err, text, said)
	}
}
