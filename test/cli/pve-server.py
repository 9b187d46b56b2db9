#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a Proxmox API over HTTPS: pve-server.py CERT KEY DIR

Prints its port. DIR/answer is the body of every 200 answer, DIR/mode how to behave: ok, slow (until DIR/answer-now),
huge, 401, garbage, cut (ends before it is all there). What was asked with which token is appended to DIR/log.
"""
import http.server
import os
import ssl
import sys
import time

cert, key, where = sys.argv[1:4]


def text(name):
    with open(f"{where}/{name}", encoding="utf-8") as f:
        return f.read()


class Handler(http.server.BaseHTTPRequestHandler):
    # as Proxmox answers: with the length, and the connection stays
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        with open(f"{where}/log", "a", encoding="utf-8") as f:
            f.write(f"{self.path} {self.headers.get('Authorization')}\n")
        mode = text("mode").strip()
        if mode == "401":
            self.send_error(401)
            return
        if mode == "slow":
            for _ in range(600):
                if os.path.exists(f"{where}/answer-now"):
                    break
                time.sleep(0.1)
        body = text("answer").encode()
        if mode == "garbage":
            body = b'{"data": [{"type": "node", '
        padding = 20 if mode == "huge" else 0
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + (padding << 20) + (mode == "cut")))
        self.end_headers()
        try:
            for _ in range(padding):
                self.wfile.write(b" " * (1 << 20))
            self.wfile.write(body)
        except OSError:
            pass
        self.close_connection = mode == "cut"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
