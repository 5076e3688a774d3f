/**
 * A server that sends the messages of a script, whatever the client answers, and records what the client did. The database in the
 * startup message names the script.
 */
import { createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Certificate } from './certificates';

export type Step = keyof typeof STEPS | Buffer;

export interface Conversation {
  /** Everything that the client sent after the startup message. */
  received: Buffer;
  /** Whether the client considered the connection ready: it sent a query or Terminate. */
  accepted: boolean;
  /** The client neither answered nor closed the connection. */
  stuck: boolean;
}

/** The bytes that each step sends, and whether the client must answer. */
const STEPS = {
  Ok: [() => authentication(0), false],
  Cleartext: [() => authentication(3), true],
  MD5: [() => authentication(5, Buffer.from('salt')), true],
  GSS: [() => authentication(7), true],
  Unknown: [() => authentication(99), true],
  SASL: [() => authentication(10, Buffer.from('SCRAM-SHA-256\0\0')), true],
  'SASL-PLUS': [() => authentication(10, Buffer.from('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0')), true],
  'Continue valid': [(scram: Scram) => authentication(11, Buffer.from(scram.serverFirst())), true],
  'Continue invalid': [() => authentication(11, Buffer.from('r=not-your-nonce,s=c2FsdA==,i=16')), true],
  'Final valid': [(scram: Scram) => authentication(12, Buffer.from(scram.serverFinal())), false],
  'Final invalid': [() => authentication(12, Buffer.from(`v=${randomBytes(32).toString('base64')}`)), false],
  Error: [() => message('E', 'SFATAL\0VFATAL\0C28000\0Mno\0\0'), false],
  Notice: [() => message('N', 'SNOTICE\0VNOTICE\0C00000\0Mhello\0\0'), false],
  Key: [() => message('K', Buffer.alloc(8, 1)), false],
  Status: [() => message('S', 'server_version\x0018.0\0'), false],
  Ready: [() => message('Z', 'I'), false],
} as const satisfies Record<string, readonly [(scram: Scram) => Buffer, boolean]>;

/** After this time without a message, the client is considered stuck. Milliseconds. */
const STUCK_MS = 5000;

export class ScriptedServer {
  readonly #scripts = new Map<string, readonly Step[]>();
  readonly #conversations = new Map<string, Conversation>();
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  readonly #password: string;
  readonly #certificate: Certificate | undefined;
  readonly #how: {
    readonly direct?: boolean;
    readonly alpn?: readonly string[];
    /** Sent with the agreement to TLS. */
    readonly stuffing?: Buffer;
    /** Accepts the TLS request, and answers the ClientHello with this. */
    readonly insteadOfTls?: Buffer;
    /** Messages of SCRAM with invalid values. */
    readonly iterations?: number;
  };

  /** @param certificate the certificate for TLS; without it, the server does not offer TLS */
  constructor(
    password: string,
    certificate?: Certificate,
    how: {
      readonly direct?: boolean;
      readonly alpn?: readonly string[];
      /** Sent with the agreement to TLS. */
      readonly stuffing?: Buffer;
      /** Accepts the TLS request, and answers the ClientHello with this. */
      readonly insteadOfTls?: Buffer;
      /** Messages of SCRAM with invalid values. */
      readonly iterations?: number;
    } = {},
  ) {
    this.#password = password;
    this.#certificate = certificate;
    this.#how = how;
  }

  async listen(): Promise<number> {
    this.#server = createServer((socket) => void this.#serve(socket));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** @returns the name of the database that selects the script */
  add(script: readonly Step[]): string {
    const name = `s${this.#scripts.size}`;
    this.#scripts.set(name, script);
    return name;
  }

  /** Waits for the end of all connections to a script, and returns their combined behavior. */
  async take(name: string): Promise<Conversation> {
    for (const socket of [...this.#open]) {
      if (this.#open.has(socket)) await new Promise((resolve) => socket.once('close', resolve));
    }
    const conversation = this.#conversations.get(name);
    this.#conversations.delete(name);
    return conversation ?? { received: Buffer.alloc(0), accepted: false, stuck: false };
  }

  async #serve(raw: Socket): Promise<void> {
    this.#open.add(raw);
    raw.on('close', () => this.#open.delete(raw)).on('error', () => undefined);
    let socket: Socket = raw;
    let reader = new Reader(socket);
    if (this.#how.direct) ({ socket, reader } = this.#encrypt(raw, reader));
    for (;;) {
      const startup = await reader.startup();
      if (!startup) return;
      const code = startup.readUInt32BE(0);
      if (code === 80_877_103 && this.#certificate) {
        raw.write(Buffer.concat([Buffer.from('S'), this.#how.stuffing ?? Buffer.alloc(0)]));
        ({ socket, reader } = this.#encrypt(raw, reader));
      } else if (code === 80_877_103 && this.#how.insteadOfTls) {
        reader.stop();
        const answer = this.#how.insteadOfTls;
        raw.once('data', () => raw.end(answer));
        raw.write('S');
        return;
      } else if (code === 80_877_103 || code === 80_877_104) raw.write('N');
      else {
        const words = startup.subarray(4).toString().split('\0');
        await this.#run(words[words.indexOf('database') + 1] ?? '', socket, reader);
        return;
      }
    }
  }

  #encrypt(raw: Socket, plain: Reader): { socket: Socket; reader: Reader } {
    plain.stop();
    const { pem = '', keyPem = '' } = this.#certificate ?? {};
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: createSecureContext({ cert: pem, key: keyPem }),
      ...(this.#how.alpn ? { ALPNProtocols: [...this.#how.alpn] } : {}),
    });
    socket.on('error', () => raw.destroy());
    return { socket, reader: new Reader(socket) };
  }

  async #run(name: string, socket: Socket, reader: Reader): Promise<void> {
    const conversation = this.#conversations.get(name) ?? { received: Buffer.alloc(0), accepted: false, stuck: false };
    this.#conversations.set(name, conversation);
    const timer = setTimeout(() => {
      conversation.stuck = true;
      socket.destroy();
    }, STUCK_MS);
    const scram = new Scram(this.#password, this.#how.iterations);
    const listen = async (): Promise<boolean> => {
      const answer = await reader.message();
      if (!answer) return false;
      conversation.received = Buffer.concat([conversation.received, answer]);
      conversation.accepted ||= answer[0] !== 0x70;
      scram.hear(answer.subarray(5).toString('latin1'));
      return true;
    };
    for (const step of this.#scripts.get(name) ?? []) {
      if (typeof step !== 'string') socket.write(step);
      else {
        const [bytes, isAnswered] = STEPS[step];
        socket.write(bytes(scram));
        if (isAnswered && !(await listen())) break;
      }
    }
    while (await listen());
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Reads bytes of the client, or returns undefined if it has closed the connection. */
class Reader {
  #input = Buffer.alloc(0);
  #closed = false;
  #wake = (): void => undefined;

  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;

    socket.on('data', this.#onData);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  stop(): void {
    this.#socket.off('data', this.#onData);
  }

  async startup(): Promise<Buffer | undefined> {
    const head = await this.#peek(4);
    return head && (await this.#take(head.readUInt32BE(0)))?.subarray(4);
  }

  async message(): Promise<Buffer | undefined> {
    const head = await this.#peek(5);
    return head && this.#take(1 + head.readUInt32BE(1));
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#input = Buffer.concat([this.#input, chunk]);
    this.#wake();
  };

  async #take(count: number): Promise<Buffer | undefined> {
    const bytes = await this.#peek(count);
    this.#input = this.#input.subarray(count);
    return bytes;
  }

  async #peek(count: number): Promise<Buffer | undefined> {
    while (this.#input.length < count) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#input.subarray(0, count);
  }
}

/** The server's side of SCRAM (RFC 5802), which accepts every proof. */
class Scram {
  #clientFirst = 'n=,r=nonce';
  #serverFirst = '';
  #clientFinal = 'c=biws,r=nonce';

  readonly #password: string;
  readonly #iterations: number;

  constructor(password: string, iterations = 16) {
    this.#password = password;
    this.#iterations = iterations;
  }

  hear(text: string): void {
    const first = /n=[^,]*,r=.*$/.exec(text);
    const final = /^(c=.*),p=/.exec(text);
    if (first) this.#clientFirst = first[0];
    if (final) this.#clientFinal = final[1] ?? '';
  }

  serverFirst(): string {
    const nonce = this.#clientFirst.replace(/^.*,r=/, '');
    this.#serverFirst = `r=${nonce}andmore,s=${Buffer.from('salt').toString('base64')},i=${this.#iterations}`;
    return this.#serverFirst;
  }

  serverFinal(): string {
    const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const salted = pbkdf2Sync(this.#password, 'salt', 16, 32, 'sha256');
    const conversation = `${this.#clientFirst},${this.#serverFirst},${this.#clientFinal}`;
    return `v=${hmac(hmac(salted, 'Server Key'), conversation).toString('base64')}`;
  }
}

export function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body as string);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

export function authentication(code: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(code);
  return message('R', Buffer.concat([head, data]));
}
