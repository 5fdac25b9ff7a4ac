package alerts

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// In Kubernetes the runbooks' check reads what the pod reads: its flags are arguments of the container, which kubectl exec
// does not hand on. Flags given to check replace those of the pod, and check_one reads one campaign whatever they select.
func TestRunbooksCheckReadsWhatThePodReads(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	api := sim.NewDemo()
	defer api.Close()
	dir := t.TempDir()
	key := filepath.Join(dir, "api-key")
	if err := os.WriteFile(key, []byte(revoxtest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	// get prints the arguments of the container, and exec runs its program: the environment has neither flags nor key.
	kubectl := fmt.Sprintf(`#!%s
case "$*" in
*" get pod "*) printf '%%s\n' %s ;;
*)
	while [ "$1" != /bin/revox_exporter ]; do shift; done
	shift
	exec %s "$@" 2>&1
	;;
esac
`, bash, strings.Join([]string{"--revox.api-key-file=" + key, "--revox.base-url=" + api.URL, "--campaign.discover",
		"'--campaign.exclude=(Solar|Dentists).* .*'", "--web.listen-address=:10210", "--log.level=error"}, " "), programtest.Path(t))
	if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(read(t, "runbooks.md"), "\n## Revox")
	setUp := ""
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(head, -1) {
		if strings.Contains(block[1], "() {") { // the last definition of check is that for Kubernetes
			setUp += block[1]
		}
	}
	for _, test := range []struct {
		command string
		has     []string
		lacks   string
	}{
		{"check", []string{"Customer survey 2", "Réactivation"}, "Solar"},
		{"check --campaign.discover --campaign.exclude=Customer.*", []string{"Solar offer", "Dentists"}, "Customer"},
		{"ID=" + campaignCalled(t, api.Server, "Solar offer (on hold)") + "; check_one", []string{"Solar offer", "1 of 1 campaign read"}, "Customer"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, bash)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		cmd.Stdin = strings.NewReader(setUp + "\n" + test.command + " </dev/null\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", test.command, err)
		}
		for _, text := range test.has {
			if !strings.Contains(string(out), text) {
				t.Errorf("%s does not read %q:\n%s", test.command, text, out)
			}
		}
		if strings.Contains(string(out), test.lacks) {
			t.Errorf("%s reads %q:\n%s", test.command, test.lacks, out)
		}
	}
}

// The first command of RevoxKeyRefused shows what the API answers, if the key is refused from the start and later.
func TestRunbookShowsThatTheKeyIsRefused(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "runbooks.md"), "\n## RevoxKeyRefused\n")
	command := regexp.MustCompile(`(?m)^curl -sS "\$EXPORTER/" \| (.*)$`).FindStringSubmatch(section)
	if command == nil {
		t.Fatal("no command reads the landing page")
	}
	for _, test := range []struct {
		name  string
		ready bool
	}{{"from the start", false}, {"later", true}} {
		t.Run(test.name, func(t *testing.T) {
			api := sim.NewDemo()
			defer api.Close()
			refuse := func() {
				api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(http.StatusUnauthorized, nil, `{}`)})
			}
			if !test.ready {
				refuse()
			}
			p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--campaign.discover", "--revox.base-url="+api.URL,
				"--scan.interval=1s")
			if test.ready {
				p.Ready()
				refuse()
			}
			p.Await("the command shows the answer", func() bool {
				_, page := p.Get("/")
				cmd := exec.CommandContext(t.Context(), "bash", "-c", command[1])
				cmd.Stdin = strings.NewReader(page)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return strings.Contains(string(out), "the API answered 401 Unauthorized")
			})
			if code, _ := p.Get("/-/ready"); (code == http.StatusOK) != test.ready {
				t.Errorf("/-/ready answers %d", code)
			}
			p.Terminate()
		})
	}
}

func campaignCalled(t *testing.T, api *revoxtest.Server, name string) (id string) {
	t.Helper()
	api.Each(func(c revoxtest.Campaign) {
		if c.Entry().Name == name {
			id = c.Entry().ID
		}
	})
	if id == "" {
		t.Fatalf("no campaign %q", name)
	}
	return id
}
