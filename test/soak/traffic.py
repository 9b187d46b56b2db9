# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of hal0 route serve: patient, impatient, slow, wrong."""
import collections
import http.client
import json
import socket
import threading
import time

# The answers that clients of serve may get while slots come and go under it.
STATUSES = {200, 400, 404, 409, 429, 500, 502, 503, 504}


class Traffic:
    def __init__(self, world):
        self.world, self.lock = world, threading.Lock()
        self.seen = collections.Counter()

    def count(self, what):
        with self.lock:
            self.seen[what] += 1

    def act(self, dice):
        kind = dice.choice(("chat", "stream", "stream", "stream", "embed", "embed", "abort", "slow",
                            "models", "lost", "half"))
        try:
            getattr(self, kind)(dice)
        except socket.timeout:
            self.world.violation("a request (%s) had no answer for 120 s" % kind)
        except (OSError, http.client.HTTPException) as e:
            self.count("%s: %s" % (kind, type(e).__name__))

    def ask(self, path, body=None, timeout=120):
        c = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=timeout)
        c.request("POST" if body else "GET", path, json.dumps(body) if body else None,
                  {"Content-Type": "application/json"})
        return c, c.getresponse()

    def answer(self, kind, r, text):
        self.count("%s: %d" % (kind, r.status))
        if r.status not in STATUSES:
            self.world.violation("%s was answered with status %d" % (kind, r.status))
        try:
            doc = json.loads(text)
        except ValueError:
            self.world.violation("%s: status %d, no JSON: %r" % (kind, r.status, text[:200]))
            return None
        if r.status != 200 and "error" not in doc:
            self.world.violation("%s: status %d without an error: %r" % (kind, r.status, text[:200]))
        return doc

    def whole(self, kind, path, body):
        c, r = self.ask(path, body)
        doc = self.answer(kind, r, r.read())
        c.close()
        return r.status, doc

    @staticmethod
    def question(dice, **more):
        return dict({"model": dice.choice(("soak-a", "soak-b", "soak-b", "one", "hal0/primary")),
                     "messages": [{"role": "user", "content": "hi"}], "max_tokens": 24}, **more)

    def chat(self, dice):
        status, doc = self.whole("chat", "/v1/chat/completions", self.question(dice))
        if status == 200:
            said = doc["choices"][0]["message"]["content"]
            if said not in ("I am one.", "I am two."):
                self.world.violation("chat: the model says %r" % said)

    def embed(self, dice):
        status, doc = self.whole("embed", "/v1/embeddings",
                                 {"model": "embed", "input": ["x"] * dice.randint(1, 4)})
        if status == 200 and not doc["data"][0]["embedding"]:
            self.world.violation("embed: an empty vector")

    def models(self, dice):
        self.whole("models", "/v1/models", None)

    def lost(self, dice):
        self.whole("lost", "/v1/chat/completions", {"model": "nobody", "messages": []})

    def stream(self, dice):
        c, r = self.ask("/v1/chat/completions", self.question(dice, stream=True))
        text = r.read()
        if r.status != 200:
            self.answer("stream", r, text)
        else:
            end = text.strip().splitlines()[-1:] or [b""]
            self.count("stream: 200, " + ("whole" if end[0] == b"data: [DONE]" else
                                          "ended by an error" if b"error" in text else "cut"))
        c.close()

    def abort(self, dice):
        c, r = self.ask("/v1/chat/completions", self.question(dice, stream=True, max_tokens=400,
                                                              ignore_eos=True))
        r.read1(dice.randint(1, 300))
        c.close()
        self.count("abort: %d" % r.status)

    def slow(self, dice):
        c, r = self.ask("/v1/chat/completions", self.question(dice, stream=True, max_tokens=300,
                                                              ignore_eos=True))
        until = time.monotonic() + dice.uniform(1, 6)
        while time.monotonic() < until and not self.world.stopping.is_set() and r.read1(64):
            time.sleep(0.1)
        c.close()
        self.count("slow: %d" % r.status)

    def half(self, dice):
        """Half a request, then nothing, then gone."""
        with socket.create_connection(("127.0.0.1", self.world.port), 5) as s:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
                      [:dice.randint(1, 90)])
            time.sleep(dice.uniform(0, 2))
        self.count("half: gone")
