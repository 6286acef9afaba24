// The bridge to the card app in a real browser, against the real program in `demo` mode. A script of the host plays the
// Android side: it gives the page `TillbridgeAndroid`, and calls back as `onActivityResult` would.
//
// usage: card_app.mjs PROGRAM PLAYWRIGHT CHROMIUM [SCREENS]
//   as status.mjs

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const [program, playwright, executablePath, screens] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);

const PATIENCE_MS = 20_000; // A busy machine; what is waited for comes in a second or two.
const TABLET = { width: 800, height: 600 };

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
const origin = new URL(/status page\s+(\S+)/.exec(said)[1]).origin;
const [, cashier] = /cashier's key\s+(\S+)/.exec(said);
const [, register] = /"register_id":"(\w+)"/.exec(said);

async function call(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${cashier}`, 'content-type': 'application/json', ...more };
  const response = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
  const told = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(told)}`);
  return told;
}

const { data: connections } = await call('GET', '/v1/connections');
const { id: connection } = connections.find((one) => one.provider === 'card_app');
let keys = 0;
const ask = (amount) => (
  call('POST', '/v1/payments', { register_id: register, connection_id: connection, amount_minor: amount }, { 'idempotency-key': `app-${++keys}` }));
const read = (id) => call('GET', `/v1/payments/${id}`);

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** The page in its host. `answer` is what the app says, as `onActivityResult` hands it on; without one it is silent. */
async function open(payment, { answer, contract = 1, hasHost = true, context: given } = {}) {
  const context = given || await browser.newContext({ locale: 'en-GB', viewport: TABLET });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.launches = [];
  await page.exposeFunction('noteLaunch', async (json) => {
    // What the app is launched with is durable at the hub by then.
    const { transaction_id: id } = JSON.parse(json);
    page.launches.push([JSON.parse(json), (await read(id.split('-')[0])).operations[0].state]);
  });
  await page.addInitScript(({ answer, contract, hasHost }) => {
    if (!hasHost) return;
    globalThis.TillbridgeAndroid = {
      contractVersion: () => contract,
      async launchCardApp(json) {
        await globalThis.noteLaunch(json);
        if (answer !== undefined) globalThis.tillbridgeCardAppResult(answer);
      },
    };
  }, { answer, contract, hasHost });
  await page.goto(`${origin}/card-app#key=${cashier}&payment=${payment.id}`);
  return page;
}

async function done(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

const launch = (page) => page.getByRole('button', { name: 'Open the card app' }).click();
const shoot = (page, name) => screens && page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });

const tests = {
  async 'the app is launched after the intent is durable, and its approval pays'() {
    const payment = await ask(10_000);
    const page = await open(payment, { answer: JSON.stringify({ status: 'success', approval_code: 'APP123', reason: null }) });
    await page.getByText('¥10,000').waitFor();
    assert.equal(page.url(), `${origin}/card-app`, 'the key is taken out of the address');
    await page.getByText('The card app has not been opened yet.').waitFor();
    await shoot(page, 'card-app-en');
    await launch(page);
    await page.getByText('Paid. Hand over the goods and the receipt.').waitFor();
    const expected = { contract: 1, amount: 10_000, currency: 'JPY', transaction_id: `${payment.id}-1` };
    assert.deepEqual(page.launches, [[expected, 'sent']]);
    const paid = await read(payment.id);
    assert.deepEqual([paid.state, paid.operations[0].provider_reference], ['captured', 'APP123']);
    await page.getByRole('button', { name: '日本語' }).click();
    await page.getByText('お支払いが完了しました').waitFor();
    await done(page);
  },

  async 'a decline is told, and what is unclear is for the manager'() {
    const declined = await ask(5_000);
    const page = await open(declined, { answer: JSON.stringify({ status: 'declined', reason: 'limit' }) });
    await launch(page);
    await page.getByText('The payment was declined.').waitFor();
    await done(page);
    for (const answer of [
      JSON.stringify({ status: 'success' }), JSON.stringify({ status: 'error', reason: 'E-17' }),
      JSON.stringify({ is_cancelled: true }), 'null', '{}', 'not JSON',
    ]) {
      const payment = await ask(700);
      const page = await open(payment, { answer });
      await launch(page);
      await page.getByText('We cannot find out by ourselves whether the customer was charged. Ask a manager.').waitFor();
      const told = await read(payment.id);
      assert.deepEqual([told.state, told.customer_charged], ['needs_person', 'unknown'], answer);
      await done(page);
    }
  },

  async 'a page that is loaded again launches nothing'() {
    const payment = await ask(900);
    const page = await open(payment);
    await launch(page);
    await page.getByText('The card app is open. Finish there.').waitFor();
    await waitFor('the launch', () => page.launches.length === 1);
    const again = await open(payment, { context: page.context() });
    await again.getByText('The card app is open. Finish there.').waitFor();
    assert.equal(await again.getByRole('button', { name: 'Open the card app' }).isVisible(), false);
    // Not even if somebody asks the hub.
    const path = `${origin}/v1/payments/${payment.id}/app-launch`;
    const headers = { authorization: `Bearer ${cashier}`, 'content-type': 'application/json', 'idempotency-key': 'another' };
    const refused = await fetch(path, { method: 'POST', headers, body: '{}' });
    assert.deepEqual([refused.status, (await refused.json()).code], [409, 'app_already_launched']);
    assert.deepEqual([page.launches.length, again.launches.length], [1, 0]);
    await done(page);
  },

  async 'without the app nothing is launched and nothing noted'() {
    for (const [more, words] of [
      [{ hasHost: false }, 'There is no card app on this device.'],
      [{ contract: 2 }, 'The Android app is of another version than this page.'],
    ]) {
      const payment = await ask(800);
      const page = await open(payment, more);
      await launch(page);
      await page.getByText(words).waitFor();
      assert.equal((await read(payment.id)).operations[0].state, 'recorded');
      await done(page);
    }
    const page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
    await page.goto(`${origin}/card-app`);
    await page.getByText('This page needs the address of a payment').waitFor();
    await page.context().close();
  },

  async 'what the app said reaches the hub when the network is back'() {
    const payment = await ask(1_500);
    const page = await open(payment);
    await launch(page);
    await waitFor('the launch', () => page.launches.length === 1);
    await page.context().setOffline(true);
    await page.evaluate(() => { tillbridgeCardAppResult('{"status":"success","approval_code":"APP125"}'); });
    await page.getByText('The hub does not answer. Trying again …').waitFor();
    await page.context().setOffline(false);
    await page.getByText('Paid. Hand over the goods and the receipt.').waitFor();
    assert.equal((await read(payment.id)).captured_minor, 1_500);
    await page.context().close();
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
