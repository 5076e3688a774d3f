/** A TCP proxy between engine and server that can fail in the ways real networks fail. */
import { createServer, type Socket, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { TestServer } from './support';

export interface Network {
  readonly host: string;
  readonly port: number;
  /** Holds all bytes back without closing a connection, like an unplugged cable or a laptop that sleeps. */
  hold(): void;
  /** Like {@link hold}, but only for bytes from the server, after the client has sent this text. Resolves when it was sent. */
  holdAfter(text: string): Promise<void>;
  /** Simulates a crash of the server: after its answer to this text, it sends a termination notice and closes the connection. */
  crashAfter(text: string): void;
  /** Delivers the held bytes, as after a retransmission, and passes new bytes on. */
  release(): void;
  /** Keeps the held connections blocked forever; new connections work. */
  replace(): void;
  /** Delays all bytes by this time in each direction, as on a slow link. Milliseconds. */
  delay(ms: number): void;
  /** Resets every connection, as when a router restarts. */
  reset(): void;
  /** Connects new connections to these servers in turn, as a proxy does. Open connections remain. */
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

/** ReadyForQuery outside of a transaction: the end of an answer. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** The NoticeResponse of a backend after another process of the server has crashed (SQLSTATE crash_shutdown). */
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
  let targets: readonly Pick<TestServer, 'host' | 'port'>[] = [target];
  let connections = 0;
  let delayMs = 0;
  let trap: { text: string; triggered: () => void } | undefined;
  let crash: string | undefined;
  const server = createServer((client) => {
    const { port, host } = targets[connections++ % targets.length]!;
    const upstream = connect(port, host);
    const out = new Pipe(upstream, held, () => delayMs);
    const back = new Pipe(client, held, () => delayMs);
    let crashing = false;
    pairs.push({ out, back });
    client.on('data', (bytes) => {
      if (trap && bytes.includes(trap.text)) {
        back.hold();
        trap.triggered();
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
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        if (!held) peer.destroy();
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
      new Promise<void>((triggered) => {
        trap = { text, triggered };
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
    leadTo: (...newTargets) => {
      targets = newTargets;
      connections = 0;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
