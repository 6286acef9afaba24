"""Stands between a client and a hub and loses answers: lossy_proxy.py HUB. It prints its own address.

Of three requests one never reaches the hub, one does and its answer is lost, and one goes well.
"""

import http.client
import itertools
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HUB = urllib.parse.urlsplit(sys.argv[1]).netloc
TURNS = itertools.cycle(["refuse", "lose", "pass"])


class Proxy(BaseHTTPRequestHandler):
    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        turn = next(TURNS)
        if turn == "refuse":
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        hub = http.client.HTTPConnection(HUB, timeout=90)
        hub.request(self.command, self.path, body, dict(self.headers))
        answer = hub.getresponse()
        content = answer.read()
        if turn == "pass":
            self.send_response(answer.status)
            for name in ("Content-Type", "Retry-After", "Idempotent-Replay"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        self.close_connection = True

    do_GET = do_POST = handle_request

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
