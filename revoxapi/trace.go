package revoxapi

import (
	"net/http"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/apitransport"
)

// Trace holds functions that a Client calls while it works, for metrics and logs. Any of them may be nil. They are called
// from the goroutines that use the client and from its own, so they must be safe for concurrent use and return soon.
type Trace struct {
	// Request is called once for each request sent, retries included, when its answer was read or it failed. It is not called
	// for one that the caller gave up before there was an answer, which says nothing about the API.
	Request func(RequestTrace)
	// Retry is called once before each wait that ends with a request being sent again.
	Retry func(RetryTrace)
	// Page is called once for each page of rows that Rows has read whole, those without anything new included.
	Page func(PageTrace)
	// Answer is called once for each request sent, retries and redirects included, when the head of its answer is there
	// or it failed. It must not read the answer's body. The answer is nil if there is an error.
	Answer func(*http.Request, *http.Response, error)
}

// answerTracer is a transport that calls Trace.Answer.
type answerTracer struct {
	apitransport.Transport
	answer func(*http.Request, *http.Response, error)
}

func (t answerTracer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(req)
	t.answer(req, resp, err)
	return resp, err
}

// RequestTrace describes one request.
type RequestTrace struct {
	Endpoint Endpoint
	// CampaignID is "" if the request is not about a single campaign.
	CampaignID string
	// StatusCode is 0 if no answer came.
	StatusCode int
	// Duration is the time from sending the request to the last byte of the answer.
	Duration time.Duration
	// BodyBytes is the size of the answer's body as it came over the wire, compressed or not.
	BodyBytes int64
}

// RetryTrace says why a request is sent again, and after which wait.
type RetryTrace struct {
	Endpoint Endpoint
	Reason   ErrorKind
	Wait     time.Duration
}

// PageTrace describes one page of rows: what was asked for, and what the answer says.
type PageTrace struct {
	CampaignID string
	// Asked and AskedSize are the `page` and the `page_size` of the request.
	Asked, AskedSize int
	// Page, PageSize and Total are those of the answer, nil where it does not give them.
	Page, PageSize, Total *Int
	// Rows is how many rows the page has. Fresh is how many of them, those of tries that broke off included, this reading
	// of the campaign had not seen before.
	Rows, Fresh int
}
