#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A hub that leads astray, for security.sh. redirects.py FILE CERT KEY: serves FILE as /x.gguf on loopback,
# over http and https, and /to/... redirects. Prints both ports; then, to stderr, each request with its
# Authorization.
import base64
import http.server
import ssl
import sys
import threading

data = open(sys.argv[1], "rb").read()
ports = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        print(self.server.who, self.path, self.headers.get("Authorization", "-"), file=sys.stderr, flush=True)
        kind, _, rest = self.path.strip("/").partition("/")
        body, more, status = b"", [], 302
        if kind == "to":  # /to/BASE64/x.gguf
            to = base64.urlsafe_b64decode(rest.split("/")[0]).decode()
            more = [("Location", to.replace("HTTPS", "https://localhost:%d" % ports["https"])
                     .replace("HTTP", "http://127.0.0.1:%d" % ports["http"]))]
        elif kind == "round":
            more = [("Location", self.path)]
        elif self.headers.get("Range") == "bytes=0-0":
            status, body, more = 206, data[:1], [("Content-Range", "bytes 0-0/%d" % len(data))]
        else:
            first, _, last = self.headers.get("Range", "bytes=0-").partition("=")[2].partition("-")
            a, b = int(first or 0), int(last or len(data) - 1)
            status, body, more = 206, data[a:b + 1], [("Content-Range", "Bytes %d-%d/%d" % (a, b, len(data)))]
        self.send_response(status)
        for name, value in more + [("Content-Length", str(len(body))), ("ETag", '"1"')]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def serve(who, tls):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    s.daemon_threads = True
    s.who = who
    if tls:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(sys.argv[2], sys.argv[3])
        s.socket = c.wrap_socket(s.socket, server_side=True)
    ports[who] = s.server_address[1]
    return s


http_server, https_server = serve("http", False), serve("https", True)
print(ports["http"], ports["https"], flush=True)
threading.Thread(target=http_server.serve_forever, daemon=True).start()
https_server.serve_forever()
