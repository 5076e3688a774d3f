/**
 * A server that records the startup message and the password of each client and
 * accepts every login (PostgreSQL, "Frontend/Backend Protocol", Start-up). Messages of psql show the choices of libpq.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export interface Introduction {
  /** `tcp`, or the folder of the socket. */
  readonly through: string;
  readonly port: number;
  readonly startup: Readonly<Record<string, string>>;
  readonly password: string;
}

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/** `password`: requests a password and accepts any; `scram without proof`: accepts the first SCRAM message; `starting`: rejects every client. */
export type Manner = 'password' | 'scram without proof' | 'starting';

export class FakeServer {
  readonly introductions: Introduction[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  readonly #manner: Manner;

  constructor(manner: Manner = 'password') {
    this.#manner = manner;
  }

  /** Listens on a free port of 127.0.0.1 and returns the port. */
  async listen(): Promise<number> {
    const server = this.#server('tcp', () => (server.address() as AddressInfo).port);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async listenOnSocket(folder: string, port: number): Promise<void> {
    const server = this.#server(folder, () => port);
    server.listen(join(folder, `.s.PGSQL.${port}`));
    await once(server, 'listening');
  }

  /** Returns the startup messages since the last call. */
  take(): readonly Introduction[] {
    return this.introductions.splice(0);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #server(through: string, port: () => number): Server {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      this.#converse(socket, (startup, password) =>
        this.introductions.push({ through, port: port(), startup, password }),
      );
    });
    this.#servers.push(server);
    return server;
  }

  #converse(socket: Socket, met: (startup: Record<string, string>, password: string) => void): void {
    let input = Buffer.alloc(0);
    let startup: Record<string, string> | undefined;
    socket.on('data', (chunk) => {
      input = Buffer.concat([input, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
      for (;;) {
        const header = startup ? 1 : 0;
        if (input.length < header + 4) return;
        const length = header + input.readInt32BE(header);
        if (input.length < length) return;
        const message = input.subarray(0, length);
        input = input.subarray(length);
        if (!startup) {
          const code = message.readInt32BE(4);
          if (code === SSL_REQUEST || code === GSS_REQUEST) socket.write('N');
          else {
            startup = readStartup(message.subarray(8));
            socket.write(
              { password: authentication(3), 'scram without proof': SCRAM, starting: STARTING }[this.#manner],
            );
            if (this.#manner === 'starting') socket.end();
          }
        } else if (message.toString('latin1', 0, 1) === 'p') {
          met(startup, message.toString('utf8', 5, length - 1));
          socket.write(Buffer.concat([authentication(0), status('server_version', '18.0'), KEY_DATA, READY]));
        } else if (message.toString('latin1', 0, 1) === 'X') socket.end();
      }
    });
  }
}

function readStartup(body: Buffer): Record<string, string> {
  const words = body.toString('utf8').split('\0');
  const startup: Record<string, string> = {};
  for (let i = 0; i + 1 < words.length && words[i] !== ''; i += 2) startup[words[i] ?? ''] = words[i + 1] ?? '';
  return startup;
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function authentication(kind: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeInt32BE(kind);
  return message('R', body);
}

function status(name: string, value: string): Buffer {
  return message('S', Buffer.from(`${name}\0${value}\0`));
}

const KEY_DATA = message('K', Buffer.alloc(8, 1));
const READY = message('Z', Buffer.from('I'));
const SCRAM = message('R', Buffer.from('\0\0\0\nSCRAM-SHA-256\0\0'));
const STARTING = message('E', Buffer.from('SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0'));
