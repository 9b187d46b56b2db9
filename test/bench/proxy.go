// SPDX-License-Identifier: GPL-3.0-or-later

// A reverse proxy as one writes it in Go: the library's, with a look at the body's "model" first.
// For comparison only: bench-proxy-go PORT UPSTREAM-PORT.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: bench-proxy-go PORT UPSTREAM-PORT")
	}
	slot, err := url.Parse("http://127.0.0.1:" + os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	routes := map[string]*httputil.ReverseProxy{}
	for _, model := range []string{"bench", "m"} {
		p := httputil.NewSingleHostReverseProxy(slot)
		p.Transport = &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, DisableCompression: true}
		p.FlushInterval = -1
		routes[model] = p
	}
	handle := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		var ask struct {
			Model string `json:"model"`
		}
		if json.Unmarshal(body, &ask) != nil || routes[ask.Model] == nil {
			http.Error(w, "no such model", http.StatusNotFound)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		routes[ask.Model].ServeHTTP(w, r)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(handle)))
}
