#!/usr/bin/env python3
"""A POS that knows SmartConnect from its pages only: it pairs with a terminal by the code that it shows, asks for a purchase and polls
it to its end, gives the money back, and asks for the state of the terminal.

    scripts/smartconnect_client.py http://127.0.0.1:8080/POS 7K3M-9QXD [REGISTER_ID]

It uses nothing but the standard library of Python, and none of the names of this project. What it saw comes out as one JSON document.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

# The protocol's least pause between two polls is 2 seconds; clients use 3.
POLL_SECONDS = 3
# The protocol documents no time limit of a transaction; clients give up after 5 minutes and call it unknown.
GIVE_UP_SECONDS = 300


class Refused(Exception):
    """A 4xx: nothing happened."""


def call(method, url, fields=None):
    """One request with a form; gives the JSON of the answer."""
    data = urllib.parse.urlencode(fields).encode() if fields is not None else None
    request = urllib.request.Request(url, data=data, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        words = json.loads(error.read().decode() or "{}").get("error", "")
        raise Refused(error.code, words, error.headers.get("Retry-After")) from error


class Pos:
    """One register, with the three texts that have to be the same in each request."""

    def __init__(self, base, register):
        self.base = base
        self.register = {
            "POSRegisterID": register,
            "POSBusinessName": "Corner Shop",
            "POSVendorName": "From The Page Ltd",
        }

    def pair(self, code):
        path = "/Pairing/" + urllib.parse.quote(code, safe="")
        return call("PUT", self.base + path, {**self.register, "POSRegisterName": "Till 1"})

    def transact(self, kind, **fields):
        """Begins a transaction and polls it to its end."""
        asked = {**self.register, "TransactionMode": "ASYNC", "TransactionType": kind, **fields}
        begun = call("POST", self.base + "/Transaction", asked)
        assert begun["transactionStatus"] == "PENDING", begun
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            told = self.poll(begun["data"]["PollingUrl"])
            if told and told["transactionStatus"] == "COMPLETED":
                assert told["transactionId"] == begun["transactionId"], told
                return told
            time.sleep(POLL_SECONDS)
        raise TimeoutError(begun["transactionId"])

    @staticmethod
    def poll(url):
        try:
            return call("GET", url)
        except Refused as refused:
            status, _, pause = refused.args
            if status != 429:
                raise
            time.sleep(int(pause or POLL_SECONDS))
            return None


def sale_data(**sale):
    return json.dumps({"version": "1.0.0", "saleData": sale})


def main(base, code, register):
    pos = Pos(base, register)
    sale = str(uuid.uuid4())
    saw = {"paired": pos.pair(code)}
    lines = [{"lineId": "1", "productName": "Tea", "quantity": "1", "unitPrice": "6.15", "unitTax": "0.00"}]
    bought = sale_data(saleId=sale, totalAmount="6.15", totalTax="0.00", lineItems=lines)
    saw["purchase"] = pos.transact("Card.Purchase", AmountTotal="615", SaleData=bought)
    back = sale_data(saleId=str(uuid.uuid4()), returnFor=sale, totalAmount="-6.15", totalTax="0.00")
    saw["refund"] = pos.transact("Card.Refund", AmountTotal="615", SaleData=back)
    saw["status"] = pos.transact("Terminal.GetStatus")
    saw["last"] = pos.transact("Journal.GetTransResult")
    try:
        pos.transact("Card.Purchase", AmountTotal="6.15")
    except Refused as refused:
        saw["wrong_amount"] = [refused.args[0], refused.args[1]]
    json.dump(saw, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else str(uuid.uuid4()))
