/** A network between engine and server that can be made to fail as real ones do. */
import { createServer, type Socket, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { TestServer } from './support';

export interface Network {
  readonly host: string;
  readonly port: number;
  /** Nothing comes through any more, and nobody is told: an unplugged cable, or a laptop that sleeps. */
  hold(): void;
  /** As {@link hold}, but only from the server, and from the moment at which the client has sent this text. */
  holdAfter(text: string): Promise<void>;
  /** The server's crash, as it tells of it: right behind its answer to what the client has sent with this text, the connection ends. */
  crashAfter(text: string): void;
  /** What was held comes late, as after a retransmission; new bytes flow. */
  release(): void;
  /** Those connections that are held never come back; new ones work. */
  replace(): void;
  /** From now on everything takes this long in each direction, as on a slow link. Milliseconds. */
  delay(ms: number): void;
  /** Every connection breaks, as when a router was restarted. */
  reset(): void;
  /** New connections lead to these servers in turn, as through a proxy; those that are open stay. */
  leadTo(...targets: readonly Pick<TestServer, 'host' | 'port'>[]): void;
  close(): Promise<void>;
}

/** One direction of one connection. */
class Pipe {
  #held: Buffer[] | undefined;

  readonly #to: Socket;
  readonly #delay: () => number;

  constructor(to: Socket, held: boolean, delay: () => number) {
    this.#to = to;
    this.#delay = delay;

    if (held) this.#held = [];
  }

  write(bytes: Buffer): void {
    if (this.#held) this.#held.push(bytes);
    else if (this.#delay() > 0) setTimeout(() => this.#to.write(bytes), this.#delay());
    else this.#to.write(bytes);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.#to.write(bytes);
  }
}

/** ReadyForQuery, outside of a transaction: the end of an answer. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** What a backend says when another process of its server has crashed: a NoticeResponse of SQLSTATE crash_shutdown. */
const CRASHED = notice([
  'SWARNING',
  'VWARNING',
  'C57P02',
  'Mterminating connection because of crash of another server process',
]);

function notice(fields: readonly string[]): Buffer {
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const head = Buffer.from('N\0\0\0\0', 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export async function startNetwork(target: Pick<TestServer, 'host' | 'port'>): Promise<Network> {
  let pairs: { out: Pipe; back: Pipe }[] = [];
  const sockets = new Set<Socket>();
  let held = false;
  let leadsTo: readonly Pick<TestServer, 'host' | 'port'>[] = [target];
  let connections = 0;
  let delayMs = 0;
  let trap: { text: string; sprung: () => void } | undefined;
  let crash: string | undefined;
  const server = createServer((client) => {
    const { port, host } = leadsTo[connections++ % leadsTo.length]!;
    const upstream = connect(port, host);
    const out = new Pipe(upstream, held, () => delayMs);
    const back = new Pipe(client, held, () => delayMs);
    let crashing = false;
    pairs.push({ out, back });
    client.on('data', (bytes) => {
      if (trap && bytes.includes(trap.text)) {
        back.hold();
        trap.sprung();
        trap = undefined;
      }
      if (crash !== undefined && bytes.includes(crash)) {
        crashing = true;
        crash = undefined;
      }
      out.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (crashing && bytes.subarray(-READY.length).equals(READY)) client.end(Buffer.concat([bytes, CRASHED]));
      else back.write(bytes);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        if (!held) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    hold: () => {
      held = true;
      for (const { out, back } of pairs) for (const pipe of [out, back]) pipe.hold();
    },
    holdAfter: (text) =>
      new Promise<void>((sprung) => {
        trap = { text, sprung };
      }),
    crashAfter: (text) => {
      crash = text;
    },
    release: () => {
      held = false;
      for (const { out, back } of pairs) for (const pipe of [out, back]) pipe.release();
    },
    replace: () => {
      held = false;
      pairs = [];
    },
    delay: (ms) => {
      delayMs = ms;
    },
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
      pairs = [];
    },
    leadTo: (...targets) => {
      leadsTo = targets;
      connections = 0;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
