#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""who.py PORT...: a server on each port that answers who was asked what. It prints "ready"."""
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Who(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while True:
            n = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(n)
            self.rfile.readline()
            if n == 0:
                return data

    def answer(self):
        text = self.body()
        said = {"port": self.server.server_address[1], "path": self.path, "method": self.command,
                "headers": {k.lower(): v for k, v in self.headers.items()}, "bytes": len(text)}
        out = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = answer


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *args):  # a client that leaves is none
        pass


def main():
    for port in sys.argv[1:]:
        server = Quiet(("127.0.0.1", int(port)), Who)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


main()
