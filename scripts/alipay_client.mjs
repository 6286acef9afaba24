// What a shop does with Alipay's own client, against the played Alipay: ADDRESS CREDENTIALS CLIENT.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const [url, credentials, client] = process.argv.slice(2)
const { AlipaySdk } = createRequire(import.meta.url)(client)
const [appId, privateKey, alipayPublicKey] = credentials.split(':')
const settings = { appId, privateKey, keyType: 'PKCS8', alipayPublicKey, gateway: `${url}/gateway.do`, camelcase: false }
const sdk = new AlipaySdk(settings)

// The client verifies the signature of an answer where it is told to.
const call = (method, bizContent, more = {}) => sdk.exec(method, { bizContent, ...more }, { validateSign: true })
const play = async (path, method = 'POST') => {
  const response = await fetch(`${url}/control/${path}`, { method, headers: { authorization: `Bearer ${appId}` } })
  assert.equal(response.status, 200, path)
  return response.json()
}
const check = (answer, code, sub_code) => {
  assert.deepEqual([answer.code, answer.sub_code], [code, sub_code], JSON.stringify(answer))
  return answer
}

// Where notifications arrive; answered as Alipay wants it once the client has verified them.
const notified = []
const receiver = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
    assert.equal(request.headers['content-type'].split(';')[0], 'application/x-www-form-urlencoded')
    assert.ok(sdk.checkNotifySignV2(fields), JSON.stringify(fields))
    notified.push(fields)
    response.end('success')
  })
})
await new Promise((done) => receiver.listen(0, '127.0.0.1', done))
const notifyUrl = `http://127.0.0.1:${receiver.address().port}/notify`
const until = async (is) => {
  const begun = Date.now()
  while (!notified.some(is)) {
    assert.ok(Date.now() - begun < 30_000, JSON.stringify(notified))
    await new Promise((done) => setTimeout(done, 20))
  }
}

// A code that is shown, scanned and paid, and given back in parts. The amount keeps the customer away until we play one.
const code = { out_trade_no: 'sdk-1', total_amount: '19.13', subject: '珈琲', product_code: 'FACE_TO_FACE_PAYMENT' }
const shown = check(await call('alipay.trade.precreate', code, { notify_url: notifyUrl }), '10000')
assert.match(shown.qr_code, /^https:\/\/qr\.alipay\.com\//)
check(await call('alipay.trade.query', { out_trade_no: 'sdk-1' }), '40004', 'ACQ.TRADE_NOT_EXIST')
await play('trades/sdk-1/scan')
assert.equal((await call('alipay.trade.query', { out_trade_no: 'sdk-1' })).trade_status, 'WAIT_BUYER_PAY')
await play('trades/sdk-1/pay')
const paid = check(await call('alipay.trade.query', { out_trade_no: 'sdk-1' }), '10000')
assert.deepEqual([paid.trade_status, paid.total_amount], ['TRADE_SUCCESS', '19.13'])
await until((news) => news.out_trade_no === 'sdk-1' && news.trade_status === 'TRADE_SUCCESS' && !news.refund_fee)
const refund = { out_trade_no: 'sdk-1', refund_amount: '5.00', out_request_no: 'sdk-refund-1' }
assert.equal(check(await call('alipay.trade.refund', refund), '10000').fund_change, 'Y')
assert.equal(check(await call('alipay.trade.refund', refund), '10000').fund_change, 'N')
const asked = { out_trade_no: 'sdk-1', out_request_no: 'sdk-refund-1' }
const told = check(await call('alipay.trade.fastpay.refund.query', asked), '10000')
assert.deepEqual([told.refund_status, told.refund_amount], ['REFUND_SUCCESS', '5.00'])
const other = await call('alipay.trade.fastpay.refund.query', { ...asked, out_request_no: 'sdk-refund-2' })
assert.equal(check(other, '10000').refund_status, undefined)
const much = { ...refund, refund_amount: '15.00', out_request_no: 'sdk-refund-3' }
check(await call('alipay.trade.refund', much), '40004', 'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL')
await until((news) => news.out_biz_no === 'sdk-refund-1' && news.refund_fee === '5.00')

// A code that is scanned and then cancelled.
check(await call('alipay.trade.precreate', { ...code, out_trade_no: 'sdk-2', total_amount: '29.13' }), '10000')
await play('trades/sdk-2/scan')
const closed = check(await call('alipay.trade.cancel', { out_trade_no: 'sdk-2' }), '10000')
assert.deepEqual([closed.retry_flag, closed.action], ['N', 'close'])
assert.equal((await call('alipay.trade.query', { out_trade_no: 'sdk-2' })).trade_status, 'TRADE_CLOSED')

// A customer's code; one that waits for the customer; one that is refused; one that is no code.
const scanned = (out_trade_no, total_amount, auth_code = '287654321098765432') => ({
  out_trade_no, total_amount, auth_code, scene: 'bar_code', subject: '珈琲', product_code: 'FACE_TO_FACE_PAYMENT',
})
assert.equal(check(await call('alipay.trade.pay', scanned('sdk-3', '30.00')), '10000').total_amount, '30.00')
const undone = check(await call('alipay.trade.cancel', { out_trade_no: 'sdk-3' }), '10000')
assert.deepEqual([undone.retry_flag, undone.action], ['N', 'refund'])
check(await call('alipay.trade.pay', scanned('sdk-4', '39.13')), '10003')
await play('trades/sdk-4/pay')
check(await call('alipay.trade.pay', scanned('sdk-5', '49.01')), '40004', 'ACQ.BUYER_BALANCE_NOT_ENOUGH')
check(await call('alipay.trade.pay', scanned('sdk-6', '10.00', '1234')), '40004', 'ACQ.PAYMENT_AUTH_CODE_INVALID')

// A cancel that is to be asked for again.
check(await call('alipay.trade.pay', scanned('sdk-7', '59.33')), '10000')
assert.equal((await call('alipay.trade.cancel', { out_trade_no: 'sdk-7' })).retry_flag, 'Y')
assert.equal((await call('alipay.trade.cancel', { out_trade_no: 'sdk-7' })).action, 'refund')

// Whoever has another app is kept out, and who altered what was signed.
const stranger = new AlipaySdk({ ...settings, appId: '2021000000000002' })
check(await stranger.exec('alipay.trade.query', { bizContent: { out_trade_no: 'sdk-1' } }), '40002', 'isv.invalid-app-id')
assert.ok(!sdk.checkNotifySignV2({ ...notified[0], total_amount: '99.99' }))

const ledger = (await play('ledger', 'GET')).trades.map((trade) => [trade.out_trade_no, trade.net_amount])
assert.deepEqual(Object.fromEntries(ledger), {
  'sdk-1': '14.13', 'sdk-2': '0.00', 'sdk-3': '0.00', 'sdk-4': '39.13', 'sdk-5': '0.00', 'sdk-7': '0.00',
})
receiver.close()
console.log("Alipay's client and the played Alipay agree.")
