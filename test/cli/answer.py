# SPDX-License-Identifier: GPL-3.0-or-later
# answer.py PORT MODEL: stands in for any slot's server where it only matters that one answers. Says
# hello to a chat, and to every other question something of the right form.
import http.server
import json
import sys

port, model = int(sys.argv[1]), sys.argv[2]
REPLY = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "data": [{"index": i, "embedding": [0.1, 0.2]} for i in range(2)],
    "results": [{"index": i, "relevance_score": 0.5} for i in range(2)],
    "text": "hello",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/v1/models":
            self.answer(json.dumps({"object": "list", "data": [{"id": model, "object": "model"}]}).encode())
        else:
            self.answer(b'{"status": "ok"}')

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if b'"stream":true' in body.replace(b" ", b""):
            chunk = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}
            self.answer(b"data: %s\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode(), "text/event-stream")
        else:
            self.answer(json.dumps(REPLY).encode())


http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
