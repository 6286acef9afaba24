'use strict';
// What the page shows is what `/api/wallets` tells; each button is one request.

const WORDS = {
  en: {
    mark: 'Tillbridge sandbox',
    title: 'You are the customer',
    why: 'Payments of the played wallets that wait for a customer. No money moves here.',
    language: '日本語',
    none: 'Nothing waits for a customer.',
    shown: 'The shop shows this code:',
    scanned: 'Your code was scanned. The phone asks whether to pay.',
    approve: 'Pay',
    decline: 'Decline',
    approveOf: (amount) => `Pay ${amount}`,
    declineOf: (amount) => `Decline ${amount}`,
    paid: (amount) => `Paid: ${amount}`,
    declined: (amount) => `Declined: ${amount}`,
    over: 'That payment waits no longer.',
    byItself: 'Customers pay by themselves',
    onlyMine: 'By their own code only',
    draw: 'Show my code',
    drawn: 'Scan this at the register. Each one is new. An amount that ends in 913 asks you first.',
    away: 'The sandbox does not answer.',
  },
  ja: {
    mark: 'Tillbridge サンドボックス',
    title: 'お客様の役をします',
    why: 'お客様の操作を待っている、模擬ウォレットのお支払いです。実際のお金は動きません。',
    language: 'English',
    none: 'お客様の操作を待っているお支払いはありません。',
    shown: 'お店が表示しているコード：',
    scanned: 'コードが読み取られました。スマートフォンで支払いの確認を求められています。',
    approve: '支払う',
    decline: '断る',
    approveOf: (amount) => `${amount}を支払う`,
    declineOf: (amount) => `${amount}を断る`,
    paid: (amount) => `支払いました：${amount}`,
    declined: (amount) => `断りました：${amount}`,
    over: 'そのお支払いはもう待っていません。',
    byItself: 'お客様が自動で支払う',
    onlyMine: 'お客様のコードのみ',
    draw: '自分のコードを表示',
    drawn: 'レジで読み取ってください。毎回新しいコードです。末尾が913の金額は、先に確認を求められます。',
    away: 'サンドボックスが応答しません。',
  },
};
const LOOK_EVERY_MS = 1000;
const PAYS_AFTER_MS = 3000;

let language = navigator.language.startsWith('ja') ? 'ja' : 'en';
let seen = '';
const codes = new Map();
const place = (id) => document.getElementById(id);
const t = (word) => WORDS[language][word];

function make(tag, more = {}, ...inner) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (name === 'click') node.addEventListener('click', value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...inner);
  return node;
}

async function call(method, path, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { isOk: response.ok, told: await response.json() };
}

function say(text) {
  place('said').textContent = text;
}

function money({ amount, currency }) {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

async function answer(wallet, one, verb, words) {
  const { isOk } = await call('POST', `/api/wallets/${wallet.name}/waiting/${encodeURIComponent(one.reference)}/${verb}`, {});
  say(isOk ? t(words)(money(one)) : t('over'));
  await look();
}

async function draw(wallet) {
  const { isOk, told } = await call('POST', `/api/wallets/${wallet.name}/customer-codes`, {});
  if (isOk) codes.set(wallet.name, told);
  seen = '';
  await look();
}

function item(wallet, one) {
  const amount = money(one);
  return make('li', {},
    make('p', { class: 'amount' }, amount),
    one.description && make('p', { class: 'quiet' }, one.description),
    make('p', { class: 'quiet' }, one.shown ? t('shown') : t('scanned')),
    one.shown ? make('p', { class: 'code' }, one.shown) : '',
    make('div', { class: 'choices' },
      make('button', { type: 'button', class: 'pay', 'aria-label': t('approveOf')(amount), click: () => answer(wallet, one, 'approve', 'paid') }, t('approve')),
      make('button', { type: 'button', class: 'no', 'aria-label': t('declineOf')(amount), click: () => answer(wallet, one, 'decline', 'declined') }, t('decline'))));
}

function section(wallet) {
  const title = `wallet-${wallet.name}`;
  const habit = make('input', { type: 'checkbox', click: () => {
    call('PUT', `/api/wallets/${wallet.name}/pays-after`, { ms: habit.checked ? PAYS_AFTER_MS : null }).then(look);
  } });
  habit.checked = wallet.pays_after_ms !== null;
  const code = codes.get(wallet.name);
  const drawing = code && make('figure', {},
    make('img', { alt: 'QR', src: `data:image/svg+xml,${encodeURIComponent(code.svg)}` }),
    make('figcaption', {}, make('span', { class: 'code' }, code.code), make('br'), make('span', { class: 'quiet' }, t('drawn'))));
  const list = wallet.waiting.length
    ? make('ul', {}, ...wallet.waiting.map((one) => item(wallet, one)))
    : make('p', { class: 'quiet' }, t('none'));
  return make('section', { 'aria-labelledby': title },
    make('div', { class: 'bar' },
      make('h2', { id: title }, wallet.label),
      wallet.pays_shown_codes ? make('label', {}, habit, t('byItself')) : make('p', { class: 'quiet' }, t('onlyMine')),
      make('button', { type: 'button', click: () => draw(wallet) }, t('draw'))),
    drawing || '', list);
}

function translate() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  place('language').textContent = t('language');
}

async function look() {
  try {
    const { told } = await call('GET', '/api/wallets');
    const now = JSON.stringify(told) + language;
    // What has not changed is not drawn anew: somebody may be about to press a button.
    if (now !== seen) place('wallets').replaceChildren(...told.wallets.map(section));
    if (seen === 'away') say('');
    seen = now;
  } catch {
    seen = 'away';
    say(t('away'));
  }
}

async function watch() {
  for (;;) {
    await look();
    await new Promise((done) => { setTimeout(done, LOOK_EVERY_MS); });
  }
}

place('language').addEventListener('click', () => {
  language = language === 'en' ? 'ja' : 'en';
  translate();
  look();
});
translate();
watch();
