"""What an app does with the mPOS gateway API of a hub, its requests signed by oauthlib: oauthlib_client.py URL KEY BLOB."""

import hashlib
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_TYPE_AUTH_HEADER, SIGNATURE_TYPE_BODY, Client

hub, manager, blob = sys.argv[1:4]
FORM = "application/x-www-form-urlencoded"
PATIENCE_S = 30


def call(url, body, headers):
    request = urllib.request.Request(url, body.encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()


def api(path, body=None):
    headers = {"Authorization": f"Bearer {manager}", "Content-Type": "application/json"}
    if body is None:
        with urllib.request.urlopen(urllib.request.Request(hub + path, headers=headers)) as answer:
            return json.load(answer)
    status, text = call(hub + path, json.dumps(body), headers)
    assert status == 201, text
    return json.loads(text)


def fields(text):
    assert all(pair.endswith("\n") for pair in text.split("&")), text
    return {name: value.rstrip("\n") for name, value in urllib.parse.parse_qsl(text)}


register = api("/v1/registers")["data"][0]["id"]
gateway = next(c["id"] for c in api("/v1/connections")["data"] if c["provider"] == "mpos_gateway")
endpoint = api(
    "/v1/mpos-endpoints",
    {"name": "App", "login": "app", "register_id": register, "connection_id": gateway},
)


def signed(path, form, key=endpoint["control_key"], signature_type=SIGNATURE_TYPE_AUTH_HEADER):
    client = Client(
        endpoint["login"], client_secret=key, signature_method=SIGNATURE_HMAC_SHA1, signature_type=signature_type
    )
    url, headers, body = client.sign(hub + path, "POST", urllib.parse.urlencode(form), {"Content-Type": FORM})
    return call(url, body, headers)


def status(order):
    control = hashlib.sha1(f"{endpoint['login']}{order}{endpoint['control_key']}".encode()).hexdigest()
    form = {"login": endpoint["login"], "client_orderid": order, "control": control}
    _, text = call(f"{hub}/paynet/api/v2/status/{endpoint['number']}", urllib.parse.urlencode(form), {"Content-Type": FORM})
    return fields(text)


def sale(order):
    return {
        "client_orderid": order, "order_desc": "Tea & cake: 100% été", "amount": "1900", "currency": endpoint["currency"],
        "address1": "1-2-3 Ginza", "city": "東京", "zip_code": "104-0061", "country": "JP", "email": "a+b@example.jp",
        "encrypted-data": blob, "encrypted-type": "TDES-DUKPT",
    }


path = f"/paynet/mapi/v1/sale/{endpoint['number']}"
for order, signature_type in [("in the header", SIGNATURE_TYPE_AUTH_HEADER), ("in the body", SIGNATURE_TYPE_BODY)]:
    code, text = signed(path, sale(order), signature_type=signature_type)
    assert (code, fields(text)["type"]) == (200, "async-response"), text
    begun = time.monotonic()
    while (told := status(order))["status"] == "processing":
        assert time.monotonic() - begun < PATIENCE_S, told
        time.sleep(0.1)
    assert (told["status"], told["amount"]) == ("approved", "1900"), told
    print(f"signed {order}: {told['status']}")
code, text = signed(path, sale("another key"), key="another key")
assert (code, fields(text)["error-code"]) == (403, "6"), text
code, text = signed(f"/api/v2/close-day/{endpoint['number']}", {"day_close_request_id": "day00001"})
assert fields(text)["saleApprovedCount"] == "2", text
print("day closed:", fields(text)["saleAmount"])
