// The sandbox's page where one plays the customers, in a real browser, against the real program in `demo` mode: what is
// paid on the page is paid at the hub, and a code from the page is taken by a register.
//
// usage: customers.mjs PROGRAM PLAYWRIGHT CHROMIUM [SCREENS]
//   as status.mjs

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const [program, playwright, executablePath, screens] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);

const PATIENCE_MS = 20_000; // A busy machine; what is waited for comes in a second or two.
const DESK = { width: 1000, height: 760 };
const PHONE = { width: 390, height: 844 };

// --- The hub ---

const hub = spawn(program, ['demo', '--fast', '--sales', '40', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const exited = once(hub, 'exit');
let said = '';
hub.stdout.on('data', (part) => { said += part; });

async function waitFor(what, find) {
  const end = Date.now() + 6 * PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (Date.now() > end) throw new Error(`It did not come about: ${what}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

await waitFor('the demo is open', () => said.includes('Ctrl-C'));
const [, address] = /status page\s+(\S+)/.exec(said);
const origin = new URL(address).origin;
const [, manager] = /manager's key\s+(\S+)/.exec(said);
const [, customers] = /^ +customers +(http\S+)$/m.exec(said);
const [, register] = /"register_id":"(\w+)"/.exec(said);

async function call(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${manager}`, 'content-type': 'application/json', ...more };
  const response = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
  const told = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(told)}`);
  return told;
}

const { data: connections } = await call('GET', '/v1/connections');
const connectionWith = (provider) => connections.find((one) => one.provider === provider);
const wallet = connectionWith('paypay');
assert.deepEqual([wallet.keys, wallet.has_present, wallet.has_scan], ['test', true, true]);
let keys = 0;
const pay = (body) => call('POST', '/v1/payments', { register_id: register, ...body }, { 'idempotency-key': `customers-${++keys}`, prefer: 'wait=15' });
const show = (amount, connection = wallet) => pay({ connection_id: connection.id, amount_minor: amount });
const ended = (id) => call('GET', `/v1/payments/${id}`, undefined, { prefer: 'wait=15' });

// --- The browser ---

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

async function open(options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: DESK, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()); });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  await page.goto(customers);
  await page.getByRole('heading', { name: 'PayPay' }).waitFor();
  return page;
}

const section = (page, name) => page.locator(`section[aria-labelledby=wallet-${name}]`);

// A code of a customer of this wallet, as the page draws it.
async function draw(page, name) {
  await section(page, name).getByRole('button', { name: 'Show my code' }).click();
  const code = section(page, name).locator('figcaption .code');
  await code.waitFor();
  return code.innerText();
}

async function done(page) {
  assert.deepEqual(page.complaints, [], 'the console is quiet');
  await page.context().close();
}

const shoot = (page, name) => screens && page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });

// --- What has to hold ---

const tests = {
  async 'what the shop shows is paid with a button'() {
    const page = await open();
    const paypay = section(page, 'paypay');
    await paypay.getByText('Nothing waits for a customer.').waitFor();
    const [first, second] = [await show(1_200), await show(480)];
    assert.equal(first.next_action, 'show_code');
    await page.getByRole('button', { name: 'Pay ¥1,200' }).waitFor();
    await page.getByText(first.presented_code.text).waitFor();
    await page.getByRole('button', { name: 'Decline ¥480' }).waitFor();
    await shoot(page, 'customers-en');
    await page.getByRole('button', { name: 'Pay ¥1,200' }).click();
    await page.getByText('Paid: ¥1,200').waitFor();
    assert.equal((await ended(first.id)).state, 'captured');
    await page.getByRole('button', { name: 'Decline ¥480' }).click();
    await page.getByText('Declined: ¥480').waitFor();
    const declined = await ended(second.id);
    assert.deepEqual([declined.customer_charged, declined.next_action], ['no', 'use_another_tender']);
    await paypay.getByText('Nothing waits for a customer.').waitFor();
    await done(page);
  },

  async 'a code from the page is taken by a register that does not know whose it is'() {
    const page = await open();
    const customerCode = await draw(page, 'paypay');
    assert.ok(await page.locator('figure img').evaluate((image) => image.complete && image.naturalWidth > 0));
    await shoot(page, 'customers-code');
    const paid = await pay({ customer_code: customerCode, amount_minor: 700 });
    assert.deepEqual([paid.state, paid.connection_id], ['captured', wallet.id]);
    await waitFor('another code', async () => (await draw(page, 'paypay')) !== customerCode);
    await done(page);
  },

  async 'WeChat Pay is paid by the code of the shop, left alone, and paid by the code of the customer'() {
    const page = await open();
    const [wechat, connection] = [section(page, 'wechat'), connectionWith('wechat')];
    const [first, second] = [await show(1_300, connection), await show(520, connection)];
    await wechat.getByText(first.presented_code.text).waitFor();
    await wechat.getByRole('button', { name: 'Pay ¥1,300' }).click();
    await page.getByText('Paid: ¥1,300').waitFor();
    assert.equal((await ended(first.id)).state, 'captured');
    // Nobody is told of a customer who goes away: the cashier calls it off.
    await wechat.getByRole('button', { name: 'Decline ¥520' }).click();
    await page.getByText('Declined: ¥520').waitFor();
    await wechat.getByText('Nothing waits for a customer.').waitFor();
    await call('POST', `/v1/payments/${second.id}/cancel`, { reason: 'went away' }, { 'idempotency-key': `customers-${++keys}` });
    await waitFor('it is called off', async () => (await ended(second.id)).customer_charged === 'no');
    const paid = await pay({ customer_code: await draw(page, 'wechat'), amount_minor: 740 });
    assert.deepEqual([paid.state, paid.connection_id], ['captured', connection.id]);
    await done(page);
  },

  async 'a wallet behind Antom shows a code of its own only, and may be asked first'() {
    const page = await open();
    const [antom, connection] = [section(page, 'antom'), connectionWith('antom')];
    assert.equal(await antom.getByLabel('Customers pay by themselves').count(), 0);
    const paid = await pay({ customer_code: await draw(page, 'antom'), amount_minor: 760 });
    assert.deepEqual([paid.state, paid.connection_id], ['captured', connection.id]);
    const asked = await pay({ customer_code: await draw(page, 'antom'), amount_minor: 1_913 });
    assert.equal(asked.next_action, 'ask_customer_to_confirm');
    await antom.getByRole('button', { name: 'Decline ¥1,913' }).click();
    await page.getByText('Declined: ¥1,913').waitFor();
    await waitFor('it is declined', async () => (await ended(asked.id)).state === 'declined');
    await done(page);
  },

  async 'it speaks Japanese, in the dark, under a thumb'() {
    const page = await open({ locale: 'ja-JP', colorScheme: 'dark', viewport: PHONE, hasTouch: true, isMobile: true });
    const shown = await show(3_480);
    const button = page.getByRole('button', { name: '￥3,480を支払う' });
    await button.waitFor();
    const { height, width } = await button.boundingBox();
    assert.ok(height >= 44 && width >= 100, `${width}x${height}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    await shoot(page, 'customers-phone-ja-dark');
    await button.tap();
    await page.getByText('支払いました：￥3,480').waitFor();
    assert.equal((await ended(shown.id)).state, 'captured');
    await page.getByRole('button', { name: 'English' }).tap();
    await page.getByRole('heading', { name: 'You are the customer' }).waitFor();
    await done(page);
  },

  async 'customers pay by themselves if they are told to'() {
    const page = await open();
    const habit = section(page, 'paypay').getByLabel('Customers pay by themselves');
    await habit.check();
    await waitFor('the habit', async () => {
      const response = await fetch(`${customers}/api/wallets`);
      return (await response.json()).wallets[0].pays_after_ms === 3000;
    });
    assert.equal((await ended((await show(250)).id)).state, 'captured');
    await habit.uncheck();
    await done(page);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
await browser.close();
hub.kill('SIGINT');
await exited;
process.exitCode = failed > 0 ? 1 : 0;
