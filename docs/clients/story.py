"""A cash sale, a charge whose answer gets lost, a return and the events of it: story.py URL KEY."""

import sys
import uuid

from tillbridge import Problem, Tillbridge

hub = Tillbridge(sys.argv[1], sys.argv[2])
before = [event["number"] for event in hub.events()][-1]
register = hub.get("/v1/registers")["data"][0]["id"]
sandbox = next(c["id"] for c in hub.get("/v1/connections")["data"] if c["provider"] == "sandbox")
article = hub.get("/v1/articles")["data"][0]
basket = {"register_id": register, "lines": [{"article_id": article["id"], "quantity": "2"}]}

# Cash. The same key again is the same sale.
key = str(uuid.uuid4())
sale = hub.post("/v1/sales", basket, key)
assert hub.post("/v1/sales", basket, key) == sale
paid = hub.post(f"/v1/sales/{sale['id']}/tenders", {"kind": "cash", "given_minor": sale["due_minor"] + 500})
print("cash   ", paid["receipt_number"], "change", paid["tenders"][0]["change_minor"])

# By the sandbox, which loses its answer. The hub asks after it; nobody charges twice.
sale = hub.post("/v1/sales", basket)
charge = {"register_id": register, "connection_id": sandbox, "sale_id": sale["id"]}
payment = hub.post("/v1/payments", charge, **{"Prefer": "wait=20", "X-Sandbox-Fault": "lose_reply"})
payment = hub.settled(payment)
print("charged", payment["next_action"], "-", payment["message"]["en"])
assert (payment["next_action"], payment["customer_charged"]) == ("hand_over_goods", "yes")

# What the rules refuse has a code.
try:
    hub.post(f"/v1/sales/{sale['id']}/tenders", {"kind": "cash", "given_minor": 1})
    raise AssertionError("a completed sale takes no more tenders")
except Problem as problem:
    assert problem.code == "sale_not_open", problem

# One piece comes back, and its money goes back as it came.
back = {"register_id": register, "lines": [{"number": 1, "quantity": "1"}], "reason": "wrong size"}
returned = hub.post(f"/v1/sales/{sale['id']}/returns", back)
while returned["next_action"] == "wait":
    returned = hub.get(f"/v1/returns/{returned['id']}", wait=20)
print("back   ", returned["next_action"], "-", returned["due_minor"], "left to give back")
assert (returned["next_action"], returned["due_minor"]) == ("none", 0)

# All of it happened once.
kinds = [event["kind"] for event in hub.events(before)]
assert [kinds.count(kind) for kind in ("sale.completed", "payment.captured", "return.created")] == [2, 1, 1], kinds
print("events ", ", ".join(kinds))
