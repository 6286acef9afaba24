"""What a shop does with PayPay's own client, against the played PayPay at the address given."""

import sys
import time

import paypayopa

url = sys.argv[1]
client = paypayopa.Client(auth=("paypay-key", "paypay-secret"), base_url=url)
client.set_assume_merchant("MERCHANT-001")
PATIENCE_S = 30


def yen(amount):
    return {"amount": amount, "currency": "JPY"}


def check(answer, code, status=None):
    assert answer["resultInfo"]["code"] == code, answer
    if status is not None:
        assert answer["data"]["status"] == status, answer
    return answer["data"]


def until(status, ask):
    begun = time.monotonic()
    while True:
        answer = ask()
        if answer["data"] and answer["data"]["status"] == status:
            return answer["data"]
        assert time.monotonic() - begun < PATIENCE_S, answer
        time.sleep(0.05)


def a_code(reference, amount):
    return client.Code.create_qr_code(
        {
            "merchantPaymentId": reference,
            "amount": yen(amount),
            "codeType": "ORDER_QR",
            "orderDescription": "珈琲",
            "requestedAt": int(time.time()),
        }
    )


# A code that is shown and paid, and given back in part. The amount keeps the customer away until we play one.
shown = check(a_code("sdk-1", 1913), "SUCCESS")
assert shown["url"].startswith("https://qr.paypay.ne.jp/"), shown
check(a_code("sdk-1", 1913), "DUPLICATE_DYNAMIC_QR_REQUEST")
check(client.Code.get_payment_details("sdk-1"), "SUCCESS", "CREATED")
client.post("/control/payments/sdk-1/pay", {}, api_id="control")
paid = check(client.Code.get_payment_details("sdk-1"), "SUCCESS", "COMPLETED")
check(client.Code.delete_qr_code(shown["codeId"]), "DYNAMIC_QR_ALREADY_PAID")
refund = {
    "merchantRefundId": "sdk-refund-1",
    "paymentId": paid["paymentId"],
    "amount": yen(500),
    "requestedAt": int(time.time()),
    "reason": "returned",
}
check(client.Payment.refund_payment(refund), "SUCCESS", "CREATED")
check(client.Payment.refund_payment(refund), "SUCCESS", "CREATED")
assert check(client.Payment.refund_details("sdk-refund-1"), "SUCCESS")["amount"] == yen(500)
check(client.Payment.refund_details("sdk-refund-2"), "NO_SUCH_REFUND_ORDER")

# A code that is withdrawn.
shown = check(a_code("sdk-2", 2913), "SUCCESS")
check(client.Code.delete_qr_code(shown["codeId"]), "SUCCESS")
check(client.Code.get_payment_details("sdk-2"), "DYNAMIC_QR_PAYMENT_NOT_FOUND")

# A wallet that is charged, and a cancel that is taken and carried out later.
payment = {
    "merchantPaymentId": "sdk-3",
    "userAuthorizationId": "user-1",
    "amount": yen(3000),
    "requestedAt": int(time.time()),
}
check(client.Payment.create(payment), "SUCCESS", "COMPLETED")
check(client.Payment.create(payment), "SUCCESS", "COMPLETED")
check(client.Code.get_payment_details("sdk-3"), "DYNAMIC_QR_PAYMENT_NOT_FOUND")
check(client.Payment.cancel_payment("sdk-3"), "REQUEST_ACCEPTED")
until("FAILED", lambda: client.Payment.get_payment_details("sdk-3"))

# A promise that is taken in part, and one that is given back.
for reference in ["sdk-4", "sdk-5"]:
    promise = {"merchantPaymentId": reference, "userAuthorizationId": "user-1", "amount": yen(4000)}
    check(client.Preauth.pre_authorize_create(promise), "SUCCESS", "AUTHORIZED")
capture = {
    "merchantPaymentId": "sdk-4",
    "merchantCaptureId": "sdk-capture-4",
    "amount": yen(2500),
    "orderDescription": "珈琲",
}
check(client.Payment.capture_payment(capture), "SUCCESS", "COMPLETED")
check(client.Payment.capture_payment(capture), "ALREADY_CAPTURED")
promised = check(client.Payment.get_payment_details("sdk-5"), "SUCCESS", "AUTHORIZED")
revert = {"merchantRevertId": "sdk-revert-5", "paymentId": promised["paymentId"]}
check(client.Payment.revert_payment(revert), "SUCCESS", "CANCELED")

# Whoever has another secret is kept out.
stranger = paypayopa.Client(auth=("paypay-key", "another"), base_url=url)
check(stranger.Code.get_payment_details("sdk-1"), "UNAUTHORIZED")

orders = client.get("/control/ledger", None, api_id="control")["orders"]
net = {order["merchantPaymentId"]: order["netAmount"] for order in orders}
assert net == {"sdk-1": 1413, "sdk-2": 0, "sdk-3": 0, "sdk-4": 2500, "sdk-5": 0}, net
print("PayPay's client and the played PayPay agree.")
