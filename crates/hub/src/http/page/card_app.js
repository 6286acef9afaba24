'use strict';

// The bridge between the hub and the card app on this device. The host, an Android WebView, gives the page an object
// `TillbridgeAndroid` with `launchCardApp(json)`, and calls `tillbridgeCardAppResult(json)` when the app has ended. What
// both say has a version: docs/guides/android-bridge.md.
//
// The app is launched only after the hub has noted it, and once. Whatever the app says goes to the hub as it is; the hub
// alone decides what it means.

const CONTRACT = 1;
const REQUEST_MS = 10000; // Longer than the hub lets a command take.
const RETRY_MS = 1000; // Between two tries to tell what the app said: that must not get lost.
const WAIT_S = 20; // How long the hub may keep a question after the payment.

const WORDS = {
  en: {
    title: 'Pay by card', launch: 'Open the card app', language: '日本語',
    ready: 'The card app has not been opened yet.',
    open: 'The card app is open. Finish there.',
    telling: 'The card app has ended. Telling the hub …',
    noAddress: 'This page needs the address of a payment: open it from the register.',
    noHost: 'There is no card app on this device. Open this page in the register’s Android app.',
    oldHost: 'The Android app is of another version than this page. Update it. Nothing was charged.',
    away: 'The hub does not answer. Trying again …',
    refused: (detail) => `The hub refused: ${detail}`,
  },
  ja: {
    title: 'カードで支払う', launch: 'カードアプリを開く', language: 'English',
    ready: 'カードアプリはまだ開いていません。',
    open: 'カードアプリを開きました。アプリで操作を終えてください。',
    telling: 'カードアプリが終了しました。結果を送信しています…',
    noAddress: 'お支払いのアドレスが必要です。レジから開いてください。',
    noHost: 'この端末にカードアプリがありません。レジのAndroidアプリで開いてください。',
    oldHost: 'Androidアプリとこのページのバージョンが異なります。更新してください。請求はされていません。',
    away: 'ハブが応答しません。再試行しています…',
    refused: (detail) => `ハブが受け付けませんでした：${detail}`,
  },
};

const place = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.hash.slice(1));
const [key, payment] = [asked.get('key'), asked.get('payment')];
// The key must not stay where others see it.
history.replaceState(null, '', location.pathname);

let language = navigator.language.startsWith('ja') ? 'ja' : 'en';
let shown = { words: '', problem: '', advice: null };
const t = (word) => WORDS[language][word];

function draw() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  place('language').textContent = t('language');
  place('words').textContent = shown.advice ? shown.advice[language] : shown.words && t(shown.words);
  place('problem').textContent = shown.detail ? t(shown.problem)(shown.detail) : shown.problem && t(shown.problem);
}

function show(next) {
  shown = { words: '', problem: '', detail: '', advice: null, ...next };
  draw();
}

async function call(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...more };
  const signal = AbortSignal.timeout(REQUEST_MS + 1000 * WAIT_S);
  // Nothing here is for the cache, and a browser lets one reader of an address into it at a time.
  const cache = 'no-store';
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache });
  const isReplay = response.headers.has('idempotent-replay');
  return { status: response.status, isReplay, told: await response.json() };
}

const pause = () => new Promise((done) => { setTimeout(done, RETRY_MS); });

/** Asks until somebody answers for good. The same key with the same content is the same request. */
async function insist(method, path, body, more) {
  for (;;) {
    try {
      const answer = await call(method, path, body, more);
      const isForNow = answer.status >= 500 || answer.status === 429 || answer.told.code === 'idempotency_key_in_flight';
      if (!isForNow) return answer;
    } catch { /* No answer: told below, and asked again. */ }
    place('problem').textContent = t('away');
    await pause();
  }
}

function money({ asked_minor: amount, currency }) {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** What the hub says of the payment, until it is at rest. */
async function follow(words) {
  for (let patience = 0; ; patience = WAIT_S) {
    const { status, told } = await insist('GET', `/v1/payments/${payment}`, undefined, { prefer: `wait=${patience}` });
    if (status !== 200) return show({ problem: 'refused', detail: told.detail });
    place('amount').textContent = money(told);
    const charge = told.operations && told.operations[0].state;
    place('launch').hidden = charge !== 'recorded' || told.state !== 'in_progress';
    if (told.next_action !== 'wait') return show({ advice: told.message });
    show({ words: charge === 'recorded' ? 'ready' : words });
    if (charge === 'recorded') return undefined;
  }
}

async function launch() {
  const host = globalThis.TillbridgeAndroid;
  // Before the hub notes anything: a launch that cannot happen is none.
  if (!host || typeof host.launchCardApp !== 'function') return show({ problem: 'noHost' });
  if (typeof host.contractVersion === 'function' && host.contractVersion() !== CONTRACT) return show({ problem: 'oldHost' });
  place('launch').hidden = true;
  const more = { 'idempotency-key': `launch-${payment}` };
  const { status, isReplay, told } = await insist('POST', `/v1/payments/${payment}/app-launch`, {}, more);
  // The launch of an earlier page: that one may have opened the app.
  if (status !== 200 || isReplay) return follow('open');
  show({ words: 'open' });
  const { contract, amount, currency, transaction_id } = told;
  host.launchCardApp(JSON.stringify({ contract, amount, currency, transaction_id }));
  // Should the app say nothing, the hub says in time that a person has to look.
  return follow('open');
}

/** The app has ended. What it said goes on as it is; no data is an answer too. */
globalThis.tillbridgeCardAppResult = async (json) => {
  let result = {};
  try { result = JSON.parse(json) || {}; } catch { /* Nothing that can be read: the hub hears that there was no data. */ }
  const text = (value) => (typeof value === 'string' ? value : null);
  const body = {
    contract: CONTRACT, is_cancelled: result.is_cancelled === true,
    status: text(result.status), approval_code: text(result.approval_code), reason: text(result.reason),
  };
  show({ words: 'telling' });
  const more = { 'idempotency-key': `result-${payment}-${crypto.randomUUID()}` };
  const { status, told } = await insist('POST', `/v1/payments/${payment}/app-result`, body, more);
  if (status !== 200) return show({ problem: 'refused', detail: told.detail });
  return follow('telling');
};

place('language').addEventListener('click', () => {
  language = language === 'en' ? 'ja' : 'en';
  draw();
});
place('launch').addEventListener('click', launch);
draw();
if (key && payment) follow('open');
else show({ problem: 'noAddress' });
