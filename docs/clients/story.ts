// A cash sale, a charge whose answer gets lost, a return and the events of it: story.js URL KEY.

import { Problem, Tillbridge, type Payment } from './tillbridge.js';

declare const process: { argv: string[] };
interface List<T> { data: T[] }
interface Sale { id: string; due_minor: number; receipt_number: string | null; tenders: { change_minor: number | null }[] }
interface Return { id: string; next_action: string; due_minor: number }

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(`It does not hold: ${JSON.stringify(what)}`);
}

const hub = new Tillbridge(process.argv[2], process.argv[3]);
let before = 0;
for await (const event of hub.events()) before = event.number;
const [register] = (await hub.get<List<{ id: string }>>('/v1/registers')).data;
const connections = await hub.get<List<{ id: string; provider: string }>>('/v1/connections');
const sandbox = connections.data.find(({ provider }) => provider === 'sandbox');
const [article] = (await hub.get<List<{ id: string }>>('/v1/articles')).data;
const basket = { register_id: register.id, lines: [{ article_id: article.id, quantity: '2' }] };

// Cash. The same key again is the same sale.
const key = crypto.randomUUID();
const first = await hub.post<Sale>('/v1/sales', basket, key);
check((await hub.post<Sale>('/v1/sales', basket, key)).id === first.id, first);
const paid = await hub.post<Sale>(`/v1/sales/${first.id}/tenders`, { kind: 'cash', given_minor: first.due_minor + 500 });
console.log('cash   ', paid.receipt_number, 'change', paid.tenders[0].change_minor);

// By the sandbox, which loses its answer. The hub asks after it; nobody charges twice.
const sale = await hub.post<Sale>('/v1/sales', basket);
const charge = { register_id: register.id, connection_id: sandbox?.id, sale_id: sale.id };
const faulty = { prefer: 'wait=20', 'x-sandbox-fault': 'lose_reply' };
const payment = await hub.settled(await hub.post<Payment>('/v1/payments', charge, undefined, faulty));
console.log('charged', payment.next_action, '-', payment.message.en);
check(payment.next_action === 'hand_over_goods' && payment.customer_charged === 'yes', payment);

// What the rules refuse has a code.
const refused: unknown = await hub.post(`/v1/sales/${sale.id}/tenders`, { kind: 'cash', given_minor: 1 }).catch((why) => why);
check(refused instanceof Problem && refused.code === 'sale_not_open', refused);

// One piece comes back, and its money goes back as it came.
const back = { register_id: register.id, lines: [{ number: 1, quantity: '1' }], reason: 'wrong size' };
let returned = await hub.post<Return>(`/v1/sales/${sale.id}/returns`, back);
while (returned.next_action === 'wait') returned = await hub.get(`/v1/returns/${returned.id}`, 20);
console.log('back   ', returned.next_action, '-', returned.due_minor, 'left to give back');
check(returned.next_action === 'none' && returned.due_minor === 0, returned);

// All of it happened once.
const kinds: string[] = [];
for await (const event of hub.events(before)) kinds.push(event.kind);
const count = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
check(count('sale.completed') === 2 && count('payment.captured') === 1 && count('return.created') === 1, kinds);
console.log('events ', kinds.join(', '));
