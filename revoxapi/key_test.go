package revoxapi_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestKeyFileIsReadForEachRequest(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 1))
	path := filepath.Join(t.TempDir(), "key")
	client := newClientWithKey(t, revoxapi.NewKeyFile(path), server.URL)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sent := func() string {
		t.Helper()
		before := server.RequestCount()
		_ = getPage(context.Background(), client)
		if server.RequestCount() != before+1 {
			t.Fatal("no request was sent")
		}
		return server.Requests()[before].Header.Get("Authorization")
	}

	// Nothing was ever read: nothing is sent.
	for _, text := range []string{"absent", "", " \n\t", "first\nsecond\n", "first second", "kéy", strings.Repeat("k", 100<<10)} {
		if text != "absent" {
			write(text)
		}
		err := getPage(context.Background(), client)
		e := asError(t, err, revoxapi.KindAuth)
		if !strings.Contains(e.Error(), path) || strings.Contains(e.Error(), "first") || strings.Contains(e.Error(), "second") || strings.Contains(e.Error(), "kéy") {
			t.Errorf("%v", e)
		}
	}
	if server.RequestCount() != 0 {
		t.Fatal("a request was sent without a key")
	}

	for _, step := range []struct{ text, want string }{
		{"first", "first"},
		{"second\n", "second"},
		{"\r\n third \r\n\n", "third"},
		{"", "third"},
		{"bro\nken", "third"},
		{"fourth\n", "fourth"},
	} {
		write(step.text)
		if got := sent(); got != "Bearer "+step.want {
			t.Errorf("after %q the key sent is %q, want %q", step.text, got, step.want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := sent(); got != "Bearer fourth" {
		t.Errorf("without the file the key sent is %q", got)
	}
	next := filepath.Join(t.TempDir(), "next")
	if err := os.WriteFile(next, []byte(revoxtest.APIKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	if err := getPage(context.Background(), client); err != nil {
		t.Errorf("after the file was replaced: %v", err)
	}
}

// Whatever the path names, a request ends.
func TestKeyFileThatIsNoFile(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 1))
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero", dir} {
		e := asError(t, getPage(context.Background(), newClientWithKey(t, revoxapi.NewKeyFile(path), server.URL)), revoxapi.KindAuth)
		if !strings.Contains(e.Error(), path+": not a regular file") {
			t.Errorf("%v", e)
		}
	}

	// A key that was read before stays in use.
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte(revoxtest.APIKey), 0o600); err != nil {
		t.Fatal(err)
	}
	client := newClientWithKey(t, revoxapi.NewKeyFile(path), server.URL)
	for range 2 {
		if err := getPage(context.Background(), client); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(pipe, path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func TestStaticKeyThatCannotBeSentIsNotQuoted(t *testing.T) {
	server := newServer(t)
	for _, key := range []string{"", "  \n", "canary\ncanary", "canary canary", "canary\x00", "canaryé"} {
		err := getPage(context.Background(), newClientWithKey(t, revoxapi.StaticKey(key), server.URL))
		if e := asError(t, err, revoxapi.KindAuth); strings.Contains(e.Error(), "canary") {
			t.Errorf("%v", e)
		}
	}
	if server.RequestCount() != 0 {
		t.Error("a request was sent")
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	const key = "canary-key"
	secret := revoxapi.NewSecret(" " + key + "\n")
	if secret.Reveal() != key || !secret.Equal(revoxapi.NewSecret(key)) || secret.Equal(revoxapi.Secret{}) || (revoxapi.Secret{}).Reveal() != "" {
		t.Fatal("the key itself is lost")
	}
	client := newClientWithKey(t, revoxapi.StaticKey(key), "http://127.0.0.1:1")
	type open struct{ Key revoxapi.Secret }
	type closed struct {
		key     revoxapi.Secret
		pointer *revoxapi.Secret
		source  revoxapi.KeySource
		keys    map[string]revoxapi.Secret
	}
	hidden := closed{secret, &secret, revoxapi.StaticKey(key), map[string]revoxapi.Secret{"k": secret}}
	leaks := func(text string) bool {
		text = strings.ToLower(text)
		return strings.Contains(text, key) || strings.Contains(text, hex.EncodeToString([]byte(key))) ||
			strings.Contains(text, strings.Trim(fmt.Sprint([]byte(key)), "[]"))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%t", "%30v", "%p"} {
		for what, value := range map[string]any{
			"secret": secret, "pointer": &secret, "open struct": open{secret}, "closed struct": hidden, "pointer to closed struct": &hidden,
			"slice": []revoxapi.Secret{secret}, "source": revoxapi.StaticKey(key), "client": client, "client itself": *clientPointer(client),
		} {
			if text := fmt.Sprintf(verb, value); leaks(text) {
				t.Errorf("%s of a %s gives the key away: %s", verb, what, text)
			}
		}
		if text := fmt.Sprintf(verb, secret); text != "<secret>" && verb != "%p" {
			t.Errorf("%s prints %q", verb, text)
		}
		if text := fmt.Sprintf(verb, open{secret}); !strings.Contains(text, "<secret>") && verb != "%p" {
			t.Errorf("%s of a struct prints %q", verb, text)
		}
	}
	encoded, err := json.Marshal(map[string]any{"a": secret, "b": open{secret}, "c": &secret, "d": hidden})
	if err != nil || leaks(string(encoded)) || strings.Count(string(encoded), "secret") != 3 {
		t.Errorf("%s, %v", encoded, err)
	}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("m", "secret", secret, "open", open{secret}, "closed", hidden, "group", slog.GroupValue(slog.Any("k", secret)))
	}
	if leaks(out.String()) || !strings.Contains(out.String(), "secret=<secret>") {
		t.Errorf("%s", out.String())
	}
}

func clientPointer(c *revoxapi.Client) **revoxapi.Client { return &c }
