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
  /** What was held comes late, as after a retransmission; new bytes flow. */
  release(): void;
  /** Those connections that are held never come back; new ones work. */
  replace(): void;
  /** Every connection breaks, as when a router was restarted. */
  reset(): void;
  close(): Promise<void>;
}

/** One direction of one connection. */
class Pipe {
  #held: Buffer[] | undefined;

  constructor(
    private readonly to: Socket,
    held: boolean,
  ) {
    if (held) this.#held = [];
  }

  write(bytes: Buffer): void {
    if (this.#held) this.#held.push(bytes);
    else this.to.write(bytes);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.to.write(bytes);
  }
}

export async function startNetwork(target: Pick<TestServer, 'host' | 'port'>): Promise<Network> {
  let pairs: { out: Pipe; back: Pipe }[] = [];
  const sockets = new Set<Socket>();
  let held = false;
  let trap: { text: string; sprung: () => void } | undefined;
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    const out = new Pipe(upstream, held);
    const back = new Pipe(client, held);
    pairs.push({ out, back });
    client.on('data', (bytes) => {
      if (trap && bytes.includes(trap.text)) {
        back.hold();
        trap.sprung();
        trap = undefined;
      }
      out.write(bytes);
    });
    upstream.on('data', (bytes) => back.write(bytes));
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
    release: () => {
      held = false;
      for (const { out, back } of pairs) for (const pipe of [out, back]) pipe.release();
    },
    replace: () => {
      held = false;
      pairs = [];
    },
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
      pairs = [];
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
