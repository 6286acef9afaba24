// The status page in a real browser, against the real program in `demo` mode: what it shows is what the API tells.
//
// usage: status.mjs PROGRAM PLAYWRIGHT CHROMIUM [SCREENS]
//   PROGRAM     the built tillbridge
//   PLAYWRIGHT  the folder of the installed package playwright-core
//   CHROMIUM    the browser
//   SCREENS     a folder for screenshots of the page; none are taken without it

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const [program, playwright, executablePath, screens] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);

const PATIENCE_MS = 20_000; // A busy machine; what is waited for comes in well under a second.
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

// --- The hub ---

const hub = spawn(program, ['demo', '--fast', '--sales', '60', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
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

const [, address] = await waitFor('the demo is open', () => /status page\s+(\S+)[^]*Ctrl-C/.exec(said));
const origin = new URL(address).origin;
const viewer = new URL(address).hash.slice('#key='.length);
const [manager] = /(?<=manager's key\s+)\S+/.exec(said);
const [register] = /(?<="register_id":")\w+/.exec(said);
const [connection] = /(?<="connection_id":")\w+/.exec(said);
const [article] = /(?<="article_id":")\w+/.exec(said);
const [ledger, secret] = /provider's side: curl -sS (\S+)\/ledger -H 'Authorization: Bearer (\S+)'/.exec(said).slice(1);

async function call(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${manager}`, 'content-type': 'application/json', ...more };
  const response = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

const get = (path) => call('GET', path);
let keys = 0;
const post = (path, body, more) => call('POST', path, body, { 'idempotency-key': `browser-${++keys}`, ...more });
const pay = (amount, more) => (
  post('/v1/payments', { register_id: register, connection_id: connection, amount_minor: amount, reference: 'order 4711' }, more));

// --- The browser ---

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** A fresh browser window; whatever it complains about fails the test. */
async function open(options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: DESK, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()); });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  return page;
}

async function done(page) {
  assert.deepEqual(page.complaints, [], 'the console is quiet');
  await page.context().close();
}

async function enter(options) {
  const page = await open(options);
  await page.goto(address);
  await page.locator('.figures').first().waitFor();
  await page.getByText(/^● /).waitFor();
  return page;
}

const digits = (text) => text.replace(/[^0-9-]/g, '');
const text = (page, selector) => page.locator(selector).first().innerText();

async function rows(page, caption) {
  const table = page.locator('table', { has: page.locator('caption', { hasText: caption }) });
  const lines = await table.locator('tbody tr').all();
  return Promise.all(lines.map(async (line) => Promise.all((await line.locator('th, td').all()).map((cell) => cell.innerText()))));
}

async function shoot(page, name, fullPage = true) {
  if (screens) await page.screenshot({ path: `${screens}/${name}.png`, fullPage });
}

// --- What has to hold ---

const tests = {
  async 'without a key it asks for one and reads nothing'() {
    const page = await open();
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(origin);
    await page.getByRole('heading', { name: 'How is the shop doing?' }).waitFor();
    assert.deepEqual(asked, ['/']);
    assert.ok(await page.getByLabel('API key').evaluate((field) => field === document.activeElement));
    await shoot(page, 'status-key');
    await page.keyboard.type('tb_test_wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The hub does not take this key.').waitFor();
    await page.getByLabel('API key').fill('鍵');
    await page.getByRole('button', { name: 'Show the day' }).click();
    await page.getByText('The hub does not take this key.').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
    // The browser itself notes the refusals.
    assert.ok(page.complaints.every((complaint) => complaint.includes('401')), page.complaints.join('\n'));
    await page.context().close();
  },

  async 'a key in the address is taken out of it and kept for this tab only'() {
    const page = await enter();
    assert.equal(page.url(), `${origin}/`);
    assert.deepEqual(await page.evaluate(() => [sessionStorage.getItem('key'), localStorage.length]), [viewer, 0]);
    await page.reload();
    await page.locator('.figures').first().waitFor();
    await page.getByRole('button', { name: 'Forget key' }).click();
    await page.getByLabel('API key').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await page.locator('.figures').isVisible(), false);
    await done(page);
  },

  async 'it loads nothing but itself'() {
    const response = await fetch(origin);
    const policy = response.headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'.*connect-src 'self'.*frame-ancestors 'none'/);
    assert.ok(!policy.includes('unsafe'));
    const page = await open();
    page.on('request', (request) => assert.ok(request.url().startsWith(origin) || request.url().startsWith('data:'), request.url()));
    await page.goto(address);
    await page.locator('.figures').first().waitFor();
    await done(page);
  },

  async 'it shows the figures of the API, and new ones as they come'() {
    const page = await enter();
    const check = async () => {
      const report = await get('/v1/reports/day');
      const [yen] = report.currencies;
      const figure = page.locator('.figures dd').first();
      await waitFor('the figures are those of the API', async () => digits((await figure.innerText()).split('\n')[0]) === `${yen.sales.gross_minor}`);
      const shown = (await page.locator('.figures dd').allInnerTexts()).map((one) => digits(one.split('\n')[0]));
      const { sales, refunds, returns, voided } = yen;
      assert.deepEqual(shown, [sales.gross_minor, sales.net_minor, sales.tax_minor, returns.gross_minor, refunds.amount_minor, voided.count].map(String));
      const taxes = (await rows(page, 'Tax by rate')).map((row) => row.map(digits));
      const rates = yen.taxes.map((tax) => [tax.rate_basis_points / 100, tax.net_minor, tax.tax_minor, tax.gross_minor].map(String));
      assert.deepEqual(taxes, [...rates, ['', sales.net_minor, sales.tax_minor, sales.gross_minor].map(String)]);
      const tenders = (await rows(page, 'How it was paid')).map(([name, ...numbers]) => [name.split('\n')[0], ...numbers.map(digits)]);
      const { cash, electronic, return_credit } = yen.tenders;
      const names = {
        manual: 'Keyed by hand', sandbox: 'Sandbox', paypay: 'PayPay', wechat: 'WeChat Pay', antom: 'Alipay+ (Antom)', terminal: 'Terminal',
      };
      const given = [['Cash', cash.count, cash.given_minor - cash.change_minor],
        ...electronic.map((one) => [names[one.provider], one.count, one.amount_minor]),
        ['Credit of a return', return_credit.count, return_credit.amount_minor]];
      const paid = given.filter(([, count]) => count > 0).map((row) => row.map(String));
      assert.deepEqual(tenders.slice(0, -1), paid);
      assert.equal(tenders.at(-1)[2], `${sales.gross_minor}`, 'what paid the sales is what was sold');
      const receipts = (await rows(page, 'Receipts')).map(([name, count, ...range]) => [name, digits(count), ...range]);
      assert.deepEqual(receipts, report.receipts.map((one) => [one.register, `${one.count}`, one.first, one.last]));
    };
    await check();
    const before = await text(page, '.figures dd');
    const tenders = [{ kind: 'cash', given_minor: 1000 }];
    await post('/v1/sales', { register_id: register, lines: [{ article_id: article, quantity: '2' }], tenders });
    await page.waitForFunction((old) => document.querySelector('.figures dd').innerText !== old, before);
    await check();
    await done(page);
  },

  async 'another day can be looked at'() {
    const page = await enter();
    const { date } = await get('/v1/reports/day');
    await page.getByRole('button', { name: 'The day before' }).click();
    await page.getByText('Nothing was sold on this day yet.').waitFor();
    assert.ok(await page.getByLabel('Day', { exact: true }).inputValue() < date);
    await page.getByRole('button', { name: 'Today', exact: true }).click();
    await page.getByText('Tax by rate').waitFor();
    await done(page);
  },

  async 'stock below its threshold is named'() {
    const page = await enter();
    const [location] = (await get('/v1/locations')).data;
    const levels = (await get(`/v1/stock-levels?location_id=${location.id}&below_threshold=true`)).data;
    assert.ok(levels.length > 0, 'the demo sells its rare article');
    const shown = await rows(page, 'Stock running low');
    assert.deepEqual(shown.map(([, available, reorderAt]) => [available, reorderAt]), levels.map((level) => [level.available, level.reorder_at]));
    const { names } = await get(`/v1/articles/${levels[0].article_id}`);
    assert.equal(shown[0][0], names.en);
    await page.getByRole('button', { name: '日本語' }).click();
    await page.getByText(names.ja).waitFor();
    await done(page);
  },

  async 'what was rung last is told as it happens'() {
    const page = await enter();
    const top = page.locator('#latest tbody tr').first();
    const newest = async () => {
      const [sale] = (await get('/v1/sales?order=desc&limit=1')).data;
      const [, receipt, amount] = await Promise.all((await top.locator('th, td').all()).map((cell) => cell.innerText()));
      return receipt === (sale.receipt_number || 'being rung') && digits(amount) === `${sale.total_minor}`;
    };
    await waitFor('the newest sale is at the top', newest);
    await post('/v1/sales', { register_id: register, lines: [{ article_id: article, quantity: '3' }] });
    await page.getByText('being rung').waitFor();
    await waitFor('an open sale is at the top', newest);
    await done(page);
  },

  async 'doubt and exceptions come to the top, in both languages'() {
    const page = await enter();
    await pay(5908, { prefer: 'wait=10', 'x-sandbox-fault': 'contradict' });
    const captured = await pay(2400, { prefer: 'wait=10', 'x-sandbox-fault': 'none' });
    await post(`/v1/payments/${captured.id}/refunds`, { amount_minor: 800 }, { prefer: 'wait=10', 'x-sandbox-fault': 'decline' });
    // The late charge is given back by itself; two exceptions stay for a person.
    const kinds = (found) => found.map((one) => one.kind).sort().join(' ');
    await waitFor('two exceptions', async () => kinds((await get('/v1/exceptions')).data) === 'refund_failed witnesses_contradict');
    await fetch(`${ledger}/control/unreachable`, {
      method: 'POST', headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }, body: '{"ms":60000}',
    });
    const { id } = await pay(12480);
    const doubted = await waitFor('a payment in doubt', async () => {
      const found = await get(`/v1/payments/${id}`);
      return found.state === 'in_doubt' && found;
    });
    await page.locator('#doubt .say', { hasText: doubted.message.en }).waitFor();
    assert.match(await text(page, '#doubt .amount'), /^¥12,480\n/);
    const amounts = (await page.locator('#exceptions .amount').allInnerTexts()).map((one) => digits(one.split('\n')[0]));
    assert.deepEqual(amounts, ['5908', '800']);
    await page.getByText('Two answers contradict each other').waitFor();
    await shoot(page, 'status-en');
    await page.getByRole('button', { name: '日本語' }).click();
    await page.locator('#doubt .say', { hasText: doubted.message.ja }).waitFor();
    await page.getByText('結果の食い違い').waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
    await page.reload();
    await page.locator('#doubt .say', { hasText: doubted.message.ja }).waitFor();
    await done(page);
  },

  async 'a Japanese browser gets Japanese, and dark where it wants dark'() {
    const page = await enter({ locale: 'ja-JP', colorScheme: 'dark' });
    await page.getByText('税率ごとの内訳').waitFor();
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await back();
    await shoot(page, 'status-ja-dark');
    await page.getByRole('button', { name: '表示:自動' }).click();
    assert.notEqual(await back(), dark);
    await page.getByRole('button', { name: '表示:明るい' }).click();
    assert.equal(await back(), dark);
    await done(page);
  },

  async 'everything is reached by the keyboard'() {
    const page = await enter();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.evaluate(() => document.activeElement.blur());
    const wanted = await page.locator('a[href]:visible, button:visible:not([disabled]), input:visible').count();
    const seen = new Set();
    for (let steps = 0; steps < 4 * wanted && seen.size < wanted; steps += 1) {
      await page.keyboard.press('Tab');
      const place = await page.evaluate(() => {
        const one = document.activeElement;
        if (one === document.body) return null;
        const { outlineStyle, outlineWidth } = getComputedStyle(one);
        return { name: one.id || one.getAttribute('href') || one.textContent, isShown: outlineStyle !== 'none' && outlineWidth !== '0px' };
      });
      if (place) {
        assert.ok(place.isShown, `${place.name} shows that it has the keyboard`);
        seen.add(place.name);
      }
    }
    assert.equal(seen.size, wanted, [...seen].join(', '));
    await page.locator('#language').focus();
    await page.keyboard.press('Space');
    await page.getByText('税率ごとの内訳').waitFor();
    await done(page);
  },

  async 'it fits a phone'() {
    const page = await enter({ locale: 'ja-JP', viewport: PHONE, hasTouch: true, isMobile: true });
    const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${wide} > ${room}`);
    for (const scroll of await page.locator('.scroll').all()) {
      const [inner, outer] = await scroll.evaluate((one) => [one.scrollWidth, one.clientWidth]);
      assert.ok(inner <= outer, 'a table fits');
    }
    await shoot(page, 'status-phone-ja');
    await done(page);
  },

  async 'what is written can be read, in light and in dark'() {
    for (const colorScheme of ['light', 'dark']) {
      const page = await enter({ colorScheme });
      const pairs = await page.evaluate((place) => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
          const colour = style.getPropertyValue(`--${name}`).match(/(?<=#)\w{6}/g)[place];
          const parts = colour.match(/\w\w/g).map((part) => parseInt(part, 16) / 255);
          const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const pairs = [['ink', 'card'], ['ink', 'paper'], ['soft', 'card'], ['soft', 'paper'], ['accent', 'card'], ['accent-ink', 'accent'],
          ['good', 'card'], ['warn', 'card'], ['bad', 'card'], ['good', 'good-back'], ['warn', 'warn-back'], ['bad', 'bad-back']];
        return pairs.map(([front, back]) => {
          const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
          return [`${front} on ${back}`, (high + 0.05) / (low + 0.05)];
        });
      }, ['light', 'dark'].indexOf(colorScheme));
      for (const [pair, ratio] of pairs) assert.ok(ratio >= 4.5, `${colorScheme}: ${pair} has ${ratio.toFixed(2)}`);
      await done(page);
    }
  },

  async 'the API is told on a page of its own'() {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ colorScheme, viewport: colorScheme === 'dark' ? PHONE : DESK });
      await page.goto(`${origin}/docs`);
      await page.getByRole('heading', { name: 'Tillbridge API' }).waitFor();
      const routes = await page.locator('article h3 .method').count();
      assert.ok(routes >= 30, `${routes} routes`);
      await page.getByRole('link', { name: 'POST /v1/sales', exact: true }).click();
      assert.ok(await page.locator('#createSale').isVisible());
      assert.match(await text(page, '#errors'), /payment_in_doubt/);
      const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
      assert.ok(wide <= room, `${wide} > ${room}`);
      if (colorScheme === 'light') await shoot(page, 'docs', false);
      await done(page);
    }
  },

  async 'a hub that is gone is said to be gone'() {
    const page = await enter();
    const before = await text(page, '.figures dd');
    hub.kill('SIGINT');
    await exited;
    // One that goes while the page looks is told at once.
    await page.getByText(/Looking every 15 seconds|The hub does not answer/).first().waitFor();
    await page.getByRole('button', { name: 'The day before' }).click();
    await page.getByText('The hub does not answer. Check that it runs').waitFor();
    assert.equal(await text(page, '.figures dd'), before, 'the last figures stay');
    await page.getByText('the figures below may be old').waitFor();
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
