#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub of models on loopback, over https, with the faults of real ones.
hub.py DIRECTORY CERT KEY: serves DIRECTORY; writes port and cdn.port into it, and a line for each
request into log: which server, method, path, range, whether a token came."""
import hashlib
import http.server
import json
import os
import ssl
import sys
import threading
import time

root, cert, key = sys.argv[1:4]
seen = {}
lock = threading.Lock()


def count(name):
    with lock:
        seen[name] = seen.get(name, 0) + 1
        return seen[name]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_name = "hub"

    def log_message(self, *args):
        pass

    def note(self):
        with lock, open(root + "/log", "a") as f:
            f.write("%s %s %s %s %s\n" % (
                self.server.who, self.command, self.path.split("?")[0],
                self.headers.get("Range", "-"), "token" if self.headers.get("Authorization") else "-"))

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, to, *more):
        self.answer(302, [("Location", to), *more])

    def do_GET(self):
        self.note()
        parts = self.path.split("?")[0].strip("/").split("/")
        try:
            if parts[0] == "api":
                return self.tree(parts)
            if len(parts) > 4 and parts[2] == "resolve":
                return self.resolve(parts)
            return self.file(parts[0], "/".join(parts[1:]))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def secret(self, repo):
        return repo == "secret" and self.headers.get("Authorization") != "Bearer s3cret-token"

    def tree(self, parts):
        owner, repo = parts[2:4]
        if self.secret(repo):
            return self.answer(401)
        directory = "%s/%s/%s" % (root, owner, repo)
        if not os.path.isdir(directory):
            return self.answer(404)
        items = [{"type": "file", "path": n, "size": os.path.getsize(directory + "/" + n)}
                 for n in sorted(os.listdir(directory))]
        items.append({"type": "directory", "path": "docs"})
        headers = [("Content-Type", "application/json")]
        if repo in ("pages", "endless", "elsewhere"):  # one file on each page
            at = int(self.path.split("cursor=")[1]) if "cursor=" in self.path else 0
            more = at + 1 < len(items) or repo == "endless"
            here = "" if repo == "pages" else "https://localhost:%d" % self.server.server_address[1]
            if repo == "elsewhere":
                here = "https://localhost:%d" % self.server.cdn
            if more:
                headers.append(("Link", '<%s%s?recursive=true&cursor=%d>; rel="next", <x>; rel="last"' % (
                    here, self.path.split("?")[0], at + 1)))
            items = items[at % len(items):][:1]
        return self.answer(200, headers, json.dumps(items).encode())

    def resolve(self, parts):
        owner, repo, name = parts[0], parts[1], "/".join(parts[4:])
        path = "%s/%s/%s/%s" % (root, owner, repo, name)
        if self.secret(repo):
            return self.answer(401)
        if not os.path.isfile(path):
            return self.answer(404)
        digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
        if repo == "badsum":
            digest = "0" * 64
        to = "https://localhost:%d/ok/%s/%s/%s?key=hidden" % (self.server.cdn, owner, repo, name)
        return self.redirect(to, ("X-Linked-ETag", '"%s"' % digest),
                             ("X-Linked-Size", str(os.path.getsize(path))))

    def file(self, mode, name):
        if mode == "html":
            return self.answer(200, [("Content-Type", "text/html")], b"<html>sign in</html>" * 100)
        if mode in ("401", "404", "500"):
            return self.answer(int(mode), (), b"no")
        if mode == "down":
            return self.redirect("http://localhost:1/" + name)
        if mode == "loop":
            return self.redirect(self.path)
        if mode == "relative":
            return self.redirect("../ok/" + name)
        if mode == "busy" and count(self.path) == 3:
            return self.answer(503, [("Retry-After", "0")])
        path = root + "/" + name
        size = os.path.getsize(path)
        if mode == "huge":
            self.send_response(206)
            self.send_header("Content-Range", "bytes 0-0/%d" % (1 << 50))
            self.send_header("Content-Length", "1")
            self.end_headers()
            return self.wfile.write(b"G")
        tag = '"%s-%d"' % (name, size)
        if mode == "changes" and os.path.exists(root + "/changed"):
            tag = '"other"'
        asked, unless = self.headers.get("Range"), self.headers.get("If-Range", tag)
        if mode == "swapped":  # after one more question it is another file, and If-Range is not known here
            question, stage = asked == "bytes=0-0", seen.get(name, 0)
            mode, unless = "reset", tag
            if stage == 2:
                mode, path, tag, unless = "ok", root + "/other.gguf", '"other"', '"other"'
            else:
                seen[name] = stage + question if stage else int(not question)
        first, last = 0, size - 1
        whole = not asked or mode in ("norange", "nrreset") or (mode == "liar" and asked != "bytes=0-0")
        if unless != tag:
            whole = True
        if not whole:
            a, b = asked[6:].split("-")
            first, last = int(a), min(int(b), size - 1) if b else size - 1
        self.send_response(200 if whole else 206)
        shift = 1 if mode == "wrong" and asked != "bytes=0-0" else 0
        if not whole:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first + shift, last + shift, size))
        if mode != "notag":
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        return self.send(mode, path, first, last + 1)

    def pause(self, mode, last):
        """Slowly; and the last piece only when DIRECTORY/go or DIRECTORY/changed says so."""
        leave = root + ("/go" if mode == "slow" else "/changed")
        end = time.monotonic() + (100 if last else 0.06)
        while not os.path.exists(leave) and time.monotonic() < end:
            time.sleep(0.02)

    def send(self, mode, path, at, end):
        limit = end
        if mode in ("reset", "nrreset"):
            limit = min(end, at + 3000000)
        if mode == "stuck":
            limit = min(end, at + (5000000 if count(self.path) < 4 else 0))
        with open(path, "rb") as f:
            f.seek(at)
            while at < limit:
                data = f.read(min(262144, limit - at))
                if mode in ("slow", "changes"):
                    self.pause(mode, at + len(data) == limit > 1 << 20)
                self.wfile.write(data)
                at += len(data)
        if limit < end:
            self.close_connection = True
            self.wfile.flush()
            self.connection.close()


def serve(who):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *a: None
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.who = who
    return server


cdn, hub = serve("cdn"), serve("hub")
hub.cdn = cdn.cdn = cdn.server_address[1]
threading.Thread(target=cdn.serve_forever, daemon=True).start()
with open(root + "/port.new", "w") as f:
    f.write(str(hub.server_address[1]))
os.rename(root + "/port.new", root + "/port")
hub.serve_forever()
