// A client of Tillbridge in TypeScript without dependencies, for Node 18 or newer and browsers: copy it, and grow it as you
// need.

/** Milliseconds for one request with its repeats: more than the longest wait that the hub grants. */
const PATIENCE_MS = 90_000;

/** What the hub refuses. `code` is stable and in openapi.yaml; `detail` is for people. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, readonly detail = '') {
    super(`${status} ${code}: ${detail}`);
  }
}

export interface Payment { id: string; next_action: string; customer_charged: 'yes' | 'no' | 'unknown'; message: { en: string; ja: string } }
export interface Event { id: string; number: number; kind: string; subject: string; data: unknown }
type Headers = Record<string, string>;

/** The hub at `url`, with the rights of an API key. */
export class Tillbridge {
  constructor(private readonly url: string, private readonly key: string) {}

  /** Reads. With `wait`, a payment or return is answered at its end or after so many seconds. */
  get<T>(path: string, wait = 0): Promise<T> {
    return this.send('GET', path, undefined, wait > 0 ? { prefer: `wait=${wait}` } : {});
  }

  /** Does. Draw `key` with the sale and keep it there, so that a register that was switched off can repeat, too. */
  post<T>(path: string, body: unknown, key: string = crypto.randomUUID(), headers: Headers = {}): Promise<T> {
    return this.send('POST', path, JSON.stringify(body), { 'idempotency-key': key, ...headers });
  }

  /** Everything that was committed after an event's number, in order. Keep the number of the last one. */
  async *events(after = 0): AsyncGenerator<Event> {
    for (let next: string | null = String(after); next !== null;) {
      const page: { data: Event[]; next_cursor: string | null } = await this.get(`/v1/events?after=${next}`);
      yield* page.data;
      next = page.next_cursor;
    }
  }

  /** The payment once its `next_action` is more than to wait. A `check_now` or `ask_manager` is for the cashier. */
  async settled(payment: Payment): Promise<Payment> {
    while (payment.next_action === 'wait') payment = await this.get(`/v1/payments/${payment.id}`, 20);
    return payment;
  }

  private async send<T>(method: string, path: string, body: string | undefined, more: Headers): Promise<T> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...more };
    const end = Date.now() + PATIENCE_MS;
    for (let pause = 1_000; ; pause = Math.min(pause * 2, 10_000)) {
      let failure: unknown;
      let told: string | null = null;
      try {
        // The same bytes under the same key: however often it arrives, it happens once.
        const answer = await fetch(this.url + path, { method, headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
        if (answer.ok) return (await answer.json()) as T;
        const { code = 'unknown', detail = '' } = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
        failure = new Problem(answer.status, code, detail);
        told = answer.headers.get('retry-after');
      } catch (lost) {
        failure = lost; // No answer, or half of one: nobody knows yet. Ask again.
      }
      if (failure instanceof Problem && !isPassing(failure)) throw failure;
      if (told !== null && /^\d+$/.test(told)) pause = Number(told) * 1_000;
      if (Date.now() + pause > end) throw failure;
      await new Promise((done) => setTimeout(done, pause));
    }
  }
}

function isPassing({ status, code }: Problem): boolean {
  return status === 408 || status === 429 || status >= 500 || code === 'idempotency_key_in_flight';
}
