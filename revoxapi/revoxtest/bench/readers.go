//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/internal/yardstick"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const rowsPath = "/campaigns/" + yardstick.CampaignID + "/rows"

// beReader is what a process of the given kind does: it reads the campaign that its environment names, and prints what
// it counted.
func beReader(ctx context.Context, kind string) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = false
	transport.MaxIdleConnsPerHost = 4 // as many as are used at once, as in the client's own: else connections are made anew all the time
	if file := os.Getenv("BENCH_CA"); file != "" {
		ca, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			return errors.New("there is no certificate in " + file)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	size, err := strconv.Atoi(os.Getenv("BENCH_PAGE_SIZE"))
	if err != nil {
		return fmt.Errorf("BENCH_PAGE_SIZE: %w", err)
	}
	var count yardstick.Count
	switch kind {
	case "lean":
		count, err = readLean(ctx, transport, os.Getenv("BENCH_URL"), size)
	case "usual":
		count, err = readUsual(ctx, transport, os.Getenv("BENCH_URL"), size)
	default:
		err = fmt.Errorf("there is no reader %q", kind)
	}
	if err != nil {
		return err
	}
	fmt.Println(count)
	return nil
}

func readLean(ctx context.Context, transport *http.Transport, url string, size int) (count yardstick.Count, err error) {
	transport.DisableCompression = true // the client decompresses itself
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), revoxapi.WithBaseURL(url), revoxapi.WithTransport(transport))
	if err != nil {
		return count, err
	}
	defer client.CloseIdleConnections()
	for r, err := range revoxapi.Rows[yardstick.LeanRow](ctx, client, yardstick.CampaignID, revoxapi.RowsParams{PageSize: size}) {
		if err != nil {
			return count, err
		}
		count.AddLean(r)
	}
	return count, nil
}

// readUsual reads page by page with net/http and encoding/json.
func readUsual(ctx context.Context, transport *http.Transport, url string, size int) (count yardstick.Count, err error) {
	transport.DisableCompression = true // so that the same code unpacks here as in the Go benchmarks
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	for page := 0; ; page++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%s?page=%d&page_size=%d", url, rowsPath, page, size), nil)
		if err != nil {
			return count, err
		}
		req.Header.Set("Accept-Encoding", "gzip")
		resp, err := client.Do(req)
		if err != nil {
			return count, err
		}
		if resp.StatusCode != http.StatusOK {
			return count, fmt.Errorf("page %d: %s", page, resp.Status)
		}
		rows, err := yardstick.Usual(resp.Body, &count)
		_ = resp.Body.Close()
		if err != nil || rows < size {
			return count, err
		}
	}
}
