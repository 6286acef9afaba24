// The page of a played terminal in a real browser of a phone: a register asks for payments at a real hub, a person plays the customer
// on the page, and what the page shows is what the hub says.
//
// usage: terminal.mjs PROGRAM PLAYWRIGHT CHROMIUM [SCREENS]
//   PROGRAM     the built tillbridge
//   PLAYWRIGHT  the folder of the installed package playwright-core
//   CHROMIUM    the browser
//   SCREENS     a folder for screenshots of the page; none are taken without it

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [program, playwright, executablePath, screens] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);

const PATIENCE_MS = 20_000; // A busy machine; what is waited for comes in well under a second.
const PHONE = { width: 390, height: 844 };

async function waitFor(what, find) {
  const end = Date.now() + 3 * PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (Date.now() > end) throw new Error(`It did not come about: ${what}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

/** A port that nobody uses just now. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => { server.once('listening', done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

// --- A shop with a register, and a terminal beside it ---

const folder = mkdtempSync(join(tmpdir(), 'tillbridge-terminal-'));
const data = ['--data', join(folder, 'data')];
const run = (...words) => execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
run('migrate', ...data);
const merchant = run('merchants', 'add', ...data, '--name', 'Corner Shop', '--location', 'Ginza', '--register', 'T1');
const connection = run('connections', 'add', ...data, '--merchant', merchant, '--provider', 'terminal');
const manager = run('keys', 'add', ...data, '--merchant', merchant, '--role', 'manager', '--name', 'register');
const origin = `http://127.0.0.1:${await freePort()}`;
const hub = spawn(program, ['serve', ...data, '--listen', new URL(origin).host], { stdio: ['ignore', 'ignore', 'ignore'] });
await waitFor('the hub is ready', () => fetch(`${origin}/readyz`).then((answer) => answer.ok, () => false));

async function call(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${manager}`, 'content-type': 'application/json', ...more };
  const response = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

const { data: [location] } = await call('GET', '/v1/locations');
const { data: [register] } = await call('GET', '/v1/registers');
const played = spawn(program, [
  'terminal', '--hub', origin, '--key', manager, '--location', location.id, '--connection', connection, '--register', register.id,
  '--page', '127.0.0.1:0',
], { stdio: ['ignore', 'pipe', 'inherit'] });
let said = '';
played.stdout.on('data', (part) => { said += part; });
const [address] = await waitFor('the page is there', () => /http:\S+\/1$/m.exec(said));

let keys = 0;
const ask = (amount) => call(
  'POST', '/v1/payments', { register_id: register.id, connection_id: connection, amount_minor: amount }, { 'idempotency-key': `page-${++keys}` });
const ended = (payment, state) => waitFor(`payment ${state}`, async () => {
  const now = await call('GET', `/v1/payments/${payment.id}`);
  return now.state === state && now;
});

// --- The page ---

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** The page on a phone; whatever it complains about fails the test. */
async function open(options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: PHONE, hasTouch: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()); });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  await page.goto(address);
  return page;
}

async function done(page) {
  assert.deepEqual(page.complaints, [], 'the console is quiet');
  await page.context().close();
}

const shoot = async (page, name) => { if (screens) await page.screenshot({ path: `${screens}/${name}.png` }); };
const press = (page, name) => page.getByRole('button', { name, exact: true }).tap();
const shows = (page, text) => page.locator('#screen').getByText(text).waitFor();

const tests = {
  async 'a card is tapped and the money is taken'() {
    const page = await open();
    await shows(page, 'Register T1');
    const payment = await ask(12800);
    await shows(page, 'Present the card');
    assert.match(await page.locator('#amount').innerText(), /12,800/);
    await shoot(page, 'terminal-en');
    await press(page, 'Tap a card');
    await shows(page, 'Approved');
    assert.equal((await ended(payment, 'captured')).captured_minor, 12800);
    await done(page);
  },

  async 'a tip, a wrong PIN and the right one'() {
    const page = await open({ colorScheme: 'dark', locale: 'ja-JP' });
    const payment = await ask(1000);
    await shows(page, 'カードをどうぞ');
    await press(page, 'チップ 10 % を追加');
    await shows(page, 'うちチップ');
    await shoot(page, 'terminal-ja-dark');
    await press(page, 'カードを挿入');
    await press(page, '誤った暗証番号');
    await press(page, '正しい暗証番号');
    await shows(page, '承認されました');
    const paid = await ended(payment, 'captured');
    assert.equal(paid.captured_minor, 1100);
    assert.equal(paid.operations[0].slip.tip_minor, 100);
    await done(page);
  },

  async 'a card that is declined, and a customer who walks away'() {
    const page = await open();
    const declined = await ask(500);
    await shows(page, 'Present the card');
    await press(page, 'Tap a card that is declined');
    await shows(page, 'Declined');
    await ended(declined, 'declined');
    const left = await ask(600);
    await shows(page, 'Present the card');
    await press(page, 'Cancel');
    await ended(left, 'cancelled');
    await done(page);
  },

  async 'the plug is pulled in the middle and put back'() {
    const page = await open();
    const payment = await ask(700);
    await shows(page, 'Present the card');
    await press(page, 'Pull the plug');
    await shows(page, 'No connection to the hub');
    await press(page, 'Put the plug back');
    await ended(payment, 'cancelled');
    await shows(page, 'Ready');
    await done(page);
  },

  async 'it shows a code, and hears that it was paired'() {
    const page = await open();
    await press(page, 'Show a pairing code');
    await page.locator('#code').getByText(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/).waitFor();
    await shoot(page, 'terminal-code');
    const code = await page.locator('#code').innerText();
    await call('POST', '/v1/terminals/pair', { code, register_id: register.id });
    await shows(page, 'Ready');
    await done(page);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.error(`FAILED: ${name}\n${error.stack}`);
  }
}
await browser.close();
played.kill('SIGTERM');
hub.kill('SIGTERM');
rmSync(folder, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
