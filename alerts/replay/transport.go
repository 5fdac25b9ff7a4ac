package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// inProcess passes requests to a handler without a socket, because a replay sends millions. Faults of connections are not
// possible with it.
type inProcess struct{ handler http.Handler }

// answer is the http.ResponseWriter behind inProcess.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// answers are reused for their buffers, each of which grows to the size of a page.
var answers = sync.Pool{New: func() any { return &answer{} }}

// RoundTrip is http.RoundTripper.
func (t *inProcess) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := answers.Get().(*answer)
	a.header, a.code = http.Header{}, 0
	a.body.Reset()
	defer func() {
		// A handler aborts an answer with a panic, as with net/http.
		if p := recover(); p != nil {
			resp, err = nil, fmt.Errorf("the handler aborted the answer: %v", p)
		}
	}()
	t.handler.ServeHTTP(a, req)
	return &http.Response{
		Status: http.StatusText(a.code), StatusCode: a.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, ContentLength: int64(a.body.Len()), Body: &answerBody{a}, Request: req,
	}, nil
}

// answerBody returns its buffer to answers when it is closed.
type answerBody struct{ *answer }

func (b *answerBody) Read(p []byte) (int, error) {
	if b.answer == nil {
		return 0, io.EOF
	}
	return b.body.Read(p)
}

func (b *answerBody) Close() error {
	if b.answer != nil {
		answers.Put(b.answer)
		b.answer = nil
	}
	return nil
}
