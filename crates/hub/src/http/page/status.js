// The status page. It holds no figures of its own: it asks for an API key, keeps it for as long as the tab is open, and
// shows what the JSON API tells. Changes come by the event stream; where that is cut it looks every few seconds.

const POLL_MS = 15000; // Without a stream: soon enough for a shop, light for a hub.
const LOOK_MS = 60000; // With a stream too: ages grow and midnight comes without an event.
const GATHER_MS = 700; // Events that come together cost one look.
const REQUEST_MS = 10000; // Longer than the hub lets any read take.
const SILENCE_MS = 45000; // Three times the stream's own sign of life.
const RETRY_MS = 5000; // Between two tries to open the stream.
const ROWS = 50; // The first are worked off first; more would not be read.
const LATEST = 8; // What a person at the counter still remembers.
const CASES = 20; // Each payment in doubt is read by itself, for its sentence.
const LOCATIONS = 20; // Each is asked for its stock by itself.

const memory = {
  read(store, name) { try { return store.getItem(name); } catch { return null; } },
  write(store, name, value) {
    try { if (value === null) store.removeItem(name); else store.setItem(name, value); } catch { /* A browser may forbid it. */ }
  },
};

const state = {
  key: null, date: null, today: null, shown: null, problem: null, link: 'connecting',
  language: memory.read(localStorage, 'language') || (navigator.language.startsWith('ja') ? 'ja' : 'en'),
  theme: memory.read(localStorage, 'theme') || 'auto',
  articles: new Map(),
};

const words = () => WORDS[state.language];
const place = (id) => document.getElementById(id);

/** An element with attributes and children; text is never read as HTML. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Shows these children, unless it does already; what had the keyboard keeps it. */
function fill(id, ...children) {
  const fresh = el('div', {}, ...children);
  const target = place(id);
  if (fresh.innerHTML === target.innerHTML) return;
  const link = target.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  target.replaceChildren(...fresh.childNodes);
  if (link) target.querySelector(`[href="${link}"]`)?.focus();
}

// --- The API ---

class Refused extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

async function ask(path, isAnswerBad = (response) => !response.ok) {
  const headers = path.startsWith('/v1/') ? { authorization: `Bearer ${state.key}` } : {};
  const response = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(REQUEST_MS) });
  const body = await response.json();
  if (isAnswerBad(response)) throw new Refused(response.status, body.detail || '');
  return body;
}

async function load() {
  const query = state.date ? `?date=${state.date}` : '';
  const locations = state.shown ? state.shown.locations : await ask(`/v1/locations?limit=${LOCATIONS}`);
  const [day, latest, doubt, exceptions, hub, stock] = await Promise.all([
    ask(`/v1/reports/day${query}`),
    ask(`/v1/sales?order=desc&limit=${LATEST}`),
    ask(`/v1/payments?in_doubt=true&limit=${ROWS}`),
    ask(`/v1/exceptions?limit=${ROWS}`),
    ask('/readyz', () => false),
    loadStock(locations),
  ]);
  const payments = await Promise.all(doubt.data.slice(0, CASES).map((payment) => ask(`/v1/payments/${payment.id}`)));
  return { day, latest: latest.data, payments, exceptions: exceptions.data, hub, stock, locations, at: new Date() };
}

async function loadStock(locations) {
  const pages = await Promise.all(locations.data.map(async (location) => {
    const page = await ask(`/v1/stock-levels?location_id=${location.id}&below_threshold=true&limit=${ROWS}`);
    return { ...page, data: page.data.map((level) => ({ ...level, location: location.name })) };
  }));
  const levels = await Promise.all(pages.flatMap((page) => page.data).map(async (level) => {
    const known = state.articles.get(level.article_id) || await ask(`/v1/articles/${level.article_id}`);
    state.articles.set(level.article_id, known);
    return { ...level, article: known };
  }));
  return { levels, hasMore: [locations, ...pages].some((page) => page.next_cursor) };
}

// --- Keeping up ---

let isLooking = false;
let isLookWanted = false;

/** Looks, and looks once more if something changed meanwhile; never twice at the same time. */
async function look() {
  if (!state.key) return;
  isLookWanted = true;
  if (isLooking) return;
  isLooking = true;
  while (isLookWanted && state.key) {
    isLookWanted = false;
    const { key, date } = state;
    const [shown, problem] = await load().then((found) => [found, null], (failure) => [null, failure]);
    // What was asked with another key, or of another day, is not shown any more.
    if (key !== state.key || date !== state.date) continue;
    if (problem && problem.status === 401) {
      leave(words().keyBad);
    } else {
      Object.assign(state, problem ? { problem } : { shown, problem });
      render();
    }
  }
  isLooking = false;
}

let gathering = null;
function lookSoon() {
  gathering ||= setTimeout(() => { gathering = null; look(); }, GATHER_MS);
}

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

function setLink(link) {
  if (state.link === link) return;
  state.link = link;
  render();
}

/** Follows the event stream until the visit is over; each event is a reason to look. */
async function follow(key, visit) {
  while (!visit.aborted) {
    const cut = new AbortController();
    let silence = null;
    const heard = () => { clearTimeout(silence); silence = setTimeout(() => cut.abort(), SILENCE_MS); };
    try {
      heard();
      const headers = { authorization: `Bearer ${key}` };
      const signal = AbortSignal.any([visit, cut.signal]);
      const response = await fetch('/v1/events/stream', { headers, cache: 'no-store', signal });
      if (!response.ok) throw new Refused(response.status, '');
      setLink('live');
      look();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        heard();
        if (part.value.includes('data:')) lookSoon();
      }
    } catch { /* Told by the line below: the page looks by itself until the stream is back. */ }
    clearTimeout(silence);
    cut.abort();
    if (!visit.aborted) setLink('polling');
    await pause(RETRY_MS);
  }
}

/** From a key to the next: ends the stream. */
let visit = new AbortController();

function enter(key) {
  visit.abort();
  visit = new AbortController();
  memory.write(sessionStorage, 'key', key);
  Object.assign(state, { key, date: null, shown: null, problem: null, link: 'connecting' });
  state.articles.clear();
  render();
  look();
  follow(key, visit.signal);
}

function leave(problem) {
  visit.abort();
  memory.write(sessionStorage, 'key', null);
  Object.assign(state, { key: null, shown: null, problem: null });
  render();
  place('gate-problem').textContent = problem || '';
  place('key').focus();
}

// --- Words and numbers ---

const locale = () => (state.language === 'ja' ? 'ja-JP' : 'en-GB');

function money(minor, currency) {
  const format = new Intl.NumberFormat(locale(), { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  const places = format.resolvedOptions().maximumFractionDigits;
  return format.format(minor / 10 ** places);
}

const count = (number) => new Intl.NumberFormat(locale()).format(number);
const percent = (points) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 2 }).format(points / 10000);
const clock = (date) => new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date);

function dayName(date) {
  const options = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' };
  return new Intl.DateTimeFormat(locale(), options).format(new Date(`${date}T00:00:00Z`));
}

function ago(instant) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(instant)) / 1000));
  const [size, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute']].find(([length]) => seconds >= length) || [1, 'second'];
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'always' }).format(-Math.floor(seconds / size), unit);
}

// --- Showing ---

function render() {
  const t = words();
  document.documentElement.lang = state.language;
  document.documentElement.dataset.theme = state.theme;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t[node.dataset.t];
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t[node.dataset.tLabel]);
  place('language').textContent = t.otherLanguage;
  place('language').lang = state.language === 'ja' ? 'en' : 'ja';
  place('theme').textContent = t.themes[state.theme];
  place('leave').hidden = !state.key;
  place('gate').hidden = Boolean(state.key);
  place('board').hidden = !state.key || !(state.shown || state.problem);
  place('place').textContent = state.shown ? state.shown.locations.data.map((location) => location.name).join(', ') : '';
  renderLink(t);
  renderProblem(t);
  if (state.shown) renderBoard(t, state.shown);
}

function renderLink(t) {
  const shape = { live: '●', polling: '◐', connecting: '○', down: '✕' };
  const link = state.problem ? 'down' : state.link;
  const told = state.key ? `${shape[link]} ${t[link]}` : '';
  // Said aloud when it changes, and only then.
  if (place('link').textContent !== told) place('link').textContent = told;
  place('updated').textContent = state.shown ? t.updated(clock(state.shown.at)) : '';
}

function renderProblem(t) {
  const { problem } = state;
  place('problem').hidden = !problem;
  if (!problem) return;
  const isBusy = problem.status === 503 || problem.name === 'TimeoutError';
  const text = isBusy ? t.busy : problem.status ? t.refused(problem.message) : t.unreachable;
  place('problem').textContent = `✕ ${text}`;
  for (const part of document.querySelectorAll('#board > :not(#problem)')) part.hidden = !state.shown;
}

function renderBoard(t, shown) {
  for (const part of document.querySelectorAll('#board > :not(#problem)')) part.hidden = false;
  renderTiles(t, shown);
  renderDay(t, shown.day);
  renderDoubt(t, shown);
  renderExceptions(t, shown);
  renderLatest(t, shown.latest);
  renderStock(t, shown);
  renderHub(t, shown.hub);
}

const MARK = { good: '✓', warn: '▲', bad: '✕' };

function tile(target, name, tone, figure, text) {
  const state = el('span', { class: 'state' }, `${MARK[tone]} ${text}`);
  const inside = [name, el('strong', {}, figure), state];
  return el('li', {}, target ? el('a', { href: `#${target}`, class: tone }, ...inside) : el('div', { class: tone }, ...inside));
}

function renderTiles(t, { day, stock, hub }) {
  const doubts = day.currencies.filter((one) => one.payments_in_doubt.count > 0);
  const doubtCount = doubts.reduce((sum, one) => sum + one.payments_in_doubt.count, 0);
  const doubtMoney = doubts.map((one) => money(one.payments_in_doubt.at_risk_minor, one.currency)).join(' + ');
  const open = day.open_exceptions;
  const openMoney = money(open.at_risk_minor, day.currencies[0].currency);
  const isReady = hub.status === 'ready';
  const isWarned = hub.is_loss_accepted || hub.is_disk_nearly_full;
  fill('tiles',
    doubtCount > 0
      ? tile('doubt', t.tileDoubt, 'bad', count(doubtCount), t.atRisk(doubtMoney))
      : tile(null, t.tileDoubt, 'good', t.none, t.allGood),
    open.count > 0
      ? tile('exceptions', t.tileExceptions, 'bad', count(open.count), open.at_risk_minor > 0 ? t.atRisk(openMoney) : t.lookAt)
      : tile(null, t.tileExceptions, 'good', t.none, t.allGood),
    stock.levels.length > 0
      ? tile('stock', t.tileStock, 'warn', `${count(stock.levels.length)}${stock.hasMore ? '+' : ''}`, t.reorder)
      : tile(null, t.tileStock, 'good', t.none, t.allGood),
    isReady
      ? tile('hub', t.tileHub, isWarned ? 'warn' : 'good', t.ready, isWarned ? t.lookAt : t.allGood)
      : tile('hub', t.tileHub, 'bad', t.notReady, t.lookAt),
  );
}

function renderDay(t, day) {
  const isToday = !state.date;
  if (isToday) state.today = day.date;
  place('day-title').textContent = isToday ? `${t.today}: ${dayName(day.date)}` : dayName(day.date);
  if (document.activeElement !== place('date')) place('date').value = day.date;
  place('date').max = state.today;
  place('today').disabled = isToday;
  place('after').disabled = isToday;
  fill('day', ...day.currencies.flatMap((one, place) => dayIn(t, one, place === 0 ? receipts(t, day.receipts) : null)));
}

function dayIn(t, { currency, sales, taxes, tenders, refunds, returns, voided }, receipts) {
  const amount = (minor) => money(minor, currency);
  const figure = (name, value, small) => el('div', {}, el('dt', {}, name), el('dd', {}, value, small ? el('small', {}, small) : null));
  const figures = el('dl', { class: 'figures' },
    figure(t.gross, amount(sales.gross_minor), t.sales(count(sales.count))),
    figure(t.net, amount(sales.net_minor)),
    figure(t.tax, amount(sales.tax_minor)),
    figure(t.returns, amount(returns.gross_minor), returns.count > 0 ? t.returnCount(count(returns.count)) : ''),
    figure(t.refunds, amount(refunds.amount_minor), refunds.count > 0 ? t.refundCount(count(refunds.count)) : ''),
    figure(t.voided, count(voided.count)));
  if (sales.count === 0) return [figures, el('p', { class: 'none' }, t.nothingSold)];
  const rates = taxes.map((tax) => [percent(tax.rate_basis_points), amount(tax.net_minor), amount(tax.tax_minor), amount(tax.gross_minor)]);
  const taxTable = table(t.taxTable, [t.rate, t.net, t.tax, t.gross], rates,
    [t.sum, amount(sales.net_minor), amount(sales.tax_minor), amount(sales.gross_minor)]);
  return [figures, el('div', { class: 'columns' }, el('div', { class: 'stack' }, taxTable, receipts), tenderTable(t, tenders, amount))];
}

/** What paid the sales of the day: together it is what was sold. What went back out of drawers stands beside the cash. */
function tenderTable(t, { cash, electronic, return_credit, recorded }, amount) {
  const words = [amount(cash.given_minor), amount(cash.change_minor), cash.refunded_minor > 0 && amount(cash.refunded_minor)];
  const detail = el('small', { class: 'quiet' }, el('br'), t.cashDetail(...words));
  const paid = [
    { name: [t.cash, detail], count: cash.count, amount_minor: cash.given_minor - cash.change_minor },
    ...electronic.map((one) => ({ ...one, name: t.providers[one.provider] || one.provider })),
    { ...return_credit, name: t.returnCredit },
    { count: 0, amount_minor: 0, ...recorded, name: t.recorded },
  ].filter((one) => one.count > 0);
  const rows = paid.map((one) => [one.name, count(one.count), amount(one.amount_minor)]);
  const sum = (of) => paid.reduce((sum, one) => sum + of(one), 0);
  const all = [t.sum, count(sum((one) => one.count)), amount(sum((one) => one.amount_minor))];
  return table(t.tenderTable, [t.tender, t.count, t.amount], rows, all);
}

function receipts(t, ranges) {
  const rows = ranges.map((one) => [one.register, count(one.count), one.first, one.last]);
  return rows.length > 0 ? table(t.receiptTable, [t.register, t.count, t.first, t.last], rows) : null;
}

/** A table whose first column names the row; the others are numbers. The caption is only heard where a heading says it. */
function table(caption, heads, rows, sum, isTitled = true) {
  const cells = (row, isSum) => el('tr', isSum ? { class: 'sum' } : {}, row.map((cell, column) => (
    column === 0 ? el('th', { scope: 'row' }, cell) : el('td', { class: 'number' }, cell))));
  const head = heads.map((name, column) => el('th', { scope: 'col', class: column === 0 ? '' : 'number' }, name));
  return el('div', { class: 'scroll' }, el('table', {}, el('caption', isTitled ? {} : { class: 'unseen' }, caption), el('thead', {}, el('tr', {}, head)),
    el('tbody', {}, rows.map((row) => cells(row, false)), sum ? cells(sum, true) : null)));
}

const nothing = (text) => el('p', { class: 'none' }, el('b', {}, '✓ '), text);
const chip = (tone, text) => el('span', { class: `chip ${tone}` }, `${MARK[tone]} ${text}`);

function renderDoubt(t, { day, payments }) {
  place('doubt').hidden = payments.length === 0;
  const all = day.currencies.reduce((sum, one) => sum + one.payments_in_doubt.count, 0);
  const cases = payments.map((payment) => el('li', {},
    el('div', { class: 'amount' }, money(payment.asked_minor, payment.currency), el('small', {}, t.askedAt(ago(payment.created_at)))),
    el('div', {}, chip(payment.state === 'needs_person' ? 'bad' : 'warn', t.states[payment.state] || payment.state),
      el('p', { class: 'say' }, payment.message[state.language]),
      el('p', { class: 'quiet' }, el('code', {}, payment.id), payment.reference ? ` ${payment.reference}` : ''))));
  fill('doubt-list',
    el('ul', { class: 'cases' }, cases),
    all > cases.length ? el('p', { class: 'quiet' }, t.moreDoubt(count(all - cases.length))) : '',
  );
}

function renderExceptions(t, { day, exceptions }) {
  const all = day.open_exceptions.count;
  place('exceptions').hidden = exceptions.length === 0;
  const cases = exceptions.map((one) => el('li', {},
    el('div', { class: 'amount' }, money(one.at_risk_minor, one.currency), el('small', {}, t.opened(ago(one.created_at)))),
    el('div', {}, chip('bad', t.kinds[one.kind] || one.kind), ' ', el('span', { class: 'quiet' }, t.owner(one.owner)),
      el('p', { class: 'say' }, t.todo[one.kind] || one.reason),
      el('p', { class: 'quiet', lang: 'en' }, one.reason),
      el('p', { class: 'quiet' }, `${t.about} `, el('code', {}, one.subject)))));
  fill('exceptions-list', el('ul', { class: 'cases' }, cases),
    all > cases.length ? el('p', { class: 'quiet' }, t.moreExceptions(count(all - cases.length))) : '');
}

/** What was rung last, whatever day is shown: a sale that is open has no receipt yet. */
function renderLatest(t, sales) {
  const rows = sales.map((sale) => [
    clock(new Date(sale.closed_at || sale.created_at)), sale.receipt_number || t.saleStates[sale.state] || sale.state, money(sale.total_minor, sale.currency)]);
  fill('latest-list', rows.length > 0
    ? table(t.latestTitle, [t.time, t.receipt, t.amount], rows, null, false)
    : el('p', { class: 'none' }, t.nothingSold));
}

function renderStock(t, { stock, locations }) {
  // Where there is one location it need not be named.
  const [heads, named] = locations.data.length > 1 ? [[t.location], (level) => [level.location]] : [[], () => []];
  const name = (article) => article.names?.[state.language] || article.name;
  const rows = stock.levels.map((level) => [name(level.article), ...named(level), level.available, level.reorder_at]);
  fill('stock-list', ...(rows.length > 0
    ? [el('p', { class: 'quiet' }, t.stockTodo), table(t.stockTitle, [t.article, ...heads, t.available, t.threshold], rows, null, false)]
    : [nothing(t.noStock)]), stock.hasMore ? el('p', { class: 'quiet' }, t.moreStock) : '');
}

function renderHub(t, hub) {
  const line = (tone, name, text) => el('li', {}, chip(tone, name), ' ', text);
  const lines = hub.status === 'ready'
    ? [line('good', t.ready, t.hubAnswers)]
    : hub.reasons.map((reason) => line('bad', t.notReady, t.reasons[reason] || reason));
  if (hub.is_loss_accepted) lines.push(line('warn', t.lookAt, t.loss));
  if (hub.is_disk_nearly_full) lines.push(line('warn', t.lookAt, t.diskNearlyFull));
  lines.push(state.link === 'live' ? line('good', t.following, t.connected) : line('warn', t.following, t.disconnected));
  fill('hub-list', el('ul', { class: 'checks' }, lines));
}

// --- What a person does ---

function show(date) {
  state.date = date && date < state.today ? date : null;
  look();
}

function dayBy(days) {
  const date = new Date(`${place('date').value}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  show(date.toISOString().slice(0, 10));
}

function listen() {
  place('gate-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const key = place('key').value.trim();
    place('key').value = '';
    place('gate-problem').textContent = '';
    // A header carries visible ASCII only; anything else is no key of ours.
    if (/^[\x21-\x7e]+$/.test(key)) enter(key); else leave(words().keyBad);
  });
  place('leave').addEventListener('click', () => leave());
  place('language').addEventListener('click', () => {
    state.language = state.language === 'ja' ? 'en' : 'ja';
    memory.write(localStorage, 'language', state.language);
    render();
  });
  place('theme').addEventListener('click', () => {
    state.theme = { auto: 'light', light: 'dark', dark: 'auto' }[state.theme] || 'auto';
    memory.write(localStorage, 'theme', state.theme);
    render();
  });
  place('date').addEventListener('change', () => show(place('date').value));
  place('before').addEventListener('click', () => dayBy(-1));
  place('after').addEventListener('click', () => dayBy(1));
  place('today').addEventListener('click', () => show(null));
  window.addEventListener('hashchange', takeKey);
  setInterval(() => { if (state.link !== 'live' || state.problem) look(); }, POLL_MS);
  setInterval(look, LOOK_MS);
}

/** Takes a key out of the address before anything else can see it there. */
function takeKey() {
  const found = /^#key=(.+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, '', location.pathname);
  const key = decodeURIComponent(found[1]);
  if (!/^[\x21-\x7e]+$/.test(key)) return false;
  enter(key);
  return true;
}

listen();
const kept = memory.read(sessionStorage, 'key');
if (!takeKey()) { if (kept) enter(kept); else leave(); }
