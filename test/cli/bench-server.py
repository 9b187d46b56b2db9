# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for llama-server in test/cli/slot-bench.sh: bench-server.py PORT MODE-FILE."""
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer(200, "application/json", '{"default_generation_settings":{"n_ctx":512}}')

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mode = open(sys.argv[2]).read().strip()
        if mode == "loading":
            return self.answer(503, "application/json", "{}")
        if self.path == "/tokenize":
            tokens = "none" if mode == "nonsense" else [3, 4, 5]
            return self.answer(200, "application/json", json.dumps({"tokens": tokens}))
        n = len(asked["prompt"]) - (mode == "cached")
        assert asked["ignore_eos"] and not asked["cache_prompt"]
        said = {"timings": {"prompt_n": n, "prompt_per_second": 1000.5,
                            "predicted_n": asked["n_predict"], "predicted_per_second": 50.25}}
        self.answer(200, "text/event-stream",
                    'data: {"content":"a"}\n\ndata: ' + json.dumps(said) + "\n\n")

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
