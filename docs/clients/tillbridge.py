"""A client of Tillbridge in Python's standard library: copy it, and grow it as you need."""

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid

PATIENCE = 90.0  # Seconds for one request with its repeats: more than the longest wait that the hub grants.


class Problem(Exception):
    """What the hub refuses. `code` is stable and in openapi.yaml; `detail` is for people."""

    def __init__(self, status, code, detail=""):
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class Tillbridge:
    """The hub at `url`, with the rights of an API key."""

    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def get(self, path, wait=0):
        """Reads. With `wait`, a payment or return is answered at its end or after so many seconds."""
        return self._send("GET", path, None, {"Prefer": f"wait={wait}"} if wait else {})

    def post(self, path, body, key=None, **headers):
        """Does. Draw `key` with the sale and keep it there, so that a register that was switched off can repeat, too."""
        return self._send("POST", path, body, {"Idempotency-Key": key or str(uuid.uuid4())} | headers)

    def events(self, after=0):
        """Everything that was committed after an event's number, in order. Keep the number of the last one."""
        while after is not None:
            page = self.get(f"/v1/events?after={after}")
            yield from page["data"]
            after = page["next_cursor"]

    def settled(self, payment):
        """The payment once its `next_action` is more than to wait. A `check_now` or `ask_manager` is for the cashier."""
        while payment["next_action"] == "wait":
            payment = self.get(f"/v1/payments/{payment['id']}", wait=20)
        return payment

    def _send(self, method, path, body, headers):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | headers
        end, pause = time.monotonic() + PATIENCE, 0.5
        while True:
            # The same bytes under the same key: however often it arrives, it happens once.
            request = urllib.request.Request(self.url + path, data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                problem = read_problem(refused)
                is_passing = refused.code in (408, 429) or refused.code >= 500 or problem.code == "idempotency_key_in_flight"
                failure, told = problem, refused.headers.get("Retry-After")
                if not is_passing:
                    raise problem from None
            except (OSError, http.client.HTTPException, ValueError) as lost:  # No answer, or half of one: nobody knows yet. Ask again.
                failure, told = lost, None
            pause = float(told) if told and told.isdigit() else min(pause * 2, 10.0)
            if time.monotonic() + pause > end:
                raise failure
            time.sleep(pause)


def read_problem(refused):
    """The problem in an answer; one without a code comes from a proxy in between."""
    try:
        body = json.load(refused)
        return Problem(refused.code, body["code"], body["detail"])
    except (ValueError, KeyError, TypeError):
        return Problem(refused.code, "unknown")
