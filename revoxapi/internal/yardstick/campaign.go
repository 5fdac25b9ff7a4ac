package yardstick

import (
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// CampaignID of every Campaign.
const CampaignID = "c-yardstick"

// Campaign is a simulated campaign as it is at one moment, in pages that are packed already. It answers requests for
// them as an http.Handler and as an http.RoundTripper.
type Campaign struct {
	PageSize int
	Plain    int64    // bytes of all pages
	Gzip     [][]byte // the pages from 0 on
	Zstd     [][]byte
	Want     Count
}

// Render makes a campaign of realistic rows.
func Render(ctx context.Context, rows, pageSize int) (*Campaign, error) {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	clock := revoxtest.NewClock(start.Add(9 * 24 * time.Hour))
	server := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip())
	defer server.Close()
	sim.New(server).AddCampaign(sim.Campaign{ID: CampaignID, Rows: rows, Start: start})
	zstdPacker, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer zstdPacker.Close()
	c := &Campaign{PageSize: pageSize}
	var plain, packed bytes.Buffer
	gzipPacker := stdgzip.NewWriter(io.Discard) // at the level that servers use unless they are told otherwise
	for page := 0; page*pageSize <= rows; page++ {
		plain.Reset()
		if err := download(ctx, server, page, pageSize, &plain); err != nil {
			return nil, err
		}
		if err := c.Want.addAny(plain.Bytes()); err != nil {
			return nil, err
		}
		packed.Reset()
		gzipPacker.Reset(&packed)
		_, _ = gzipPacker.Write(plain.Bytes()) // a bytes.Buffer takes everything
		_ = gzipPacker.Close()
		c.Plain += int64(plain.Len())
		c.Gzip = append(c.Gzip, bytes.Clone(packed.Bytes()))
		c.Zstd = append(c.Zstd, zstdPacker.EncodeAll(plain.Bytes(), nil))
	}
	if c.Want.Rows != rows {
		return nil, fmt.Errorf("rendered %d rows of %d", c.Want.Rows, rows)
	}
	return c, nil
}

func download(ctx context.Context, server *revoxtest.Server, page, pageSize int, to io.Writer) error {
	url := fmt.Sprintf("%s/campaigns/%s/rows?page=%d&page_size=%d", server.URL, CampaignID, page, pageSize)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	resp, err := server.Client().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("page %d: %s", page, resp.Status)
	}
	_, err = io.Copy(to, resp.Body)
	return err
}

// page finds the answer to a request, and what it is packed with.
func (c *Campaign) page(r *http.Request) (body []byte, coding string, ok bool) {
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || page < 0 || page >= len(c.Gzip) {
		return nil, "", false
	}
	if strings.HasPrefix(r.URL.Path, "/zstd/") {
		return c.Zstd[page], "zstd", true
	}
	return c.Gzip[page], "gzip", true
}

// ServeHTTP answers with the page that is asked for: packed with zstd where the path starts with /zstd/, else with gzip.
func (c *Campaign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, coding, ok := c.page(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", coding)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// RoundTrip answers as ServeHTTP does, without any network.
func (c *Campaign) RoundTrip(r *http.Request) (*http.Response, error) {
	body, coding, ok := c.page(r)
	if !ok {
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r}, nil
	}
	header := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {coding}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}
