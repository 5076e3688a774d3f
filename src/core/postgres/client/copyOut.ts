import type { Duplex, Writable } from 'node:stream';
import type { Client, Connection, Submittable } from 'pg';
import {
  checkFraming,
  COPY_DATA,
  COPY_DONE,
  COPY_OUT_RESPONSE,
  framingFault,
  HEADER,
  READY_FOR_QUERY,
} from './framing';
import { readInTurns } from './readInTurns';

type DataListener = (chunk: Buffer) => void;

export interface CopiedRows {
  readonly rows: number;
  readonly sinkError?: Error;
}

/**
 * `COPY … TO STDOUT` into a stream, without decoding a row.
 *
 * It takes the socket's bytes for the length of the query: CopyData goes to the sink, every other message on to pg's own
 * parser, so that NOTICEs arrive as events and errors as errors. `pg-copy-streams` does the same work but drops every
 * NoticeResponse that comes between the rows, and a worker's NOTICEs come exactly there (measured with 7.0.0).
 */
class CopyOut implements Submittable {
  #socket: Duplex | undefined;
  #parser: DataListener | undefined;
  #header = Buffer.alloc(HEADER);
  #headerLength = 0;
  #code = 0;
  #left = 0;
  #rows = 0;
  #sinkError: Error | undefined;
  #sinkLeft = false;
  readonly done: Promise<CopiedRows>;
  #settle!: (error: Error | undefined) => void;

  readonly #text: string;
  readonly #sink: Writable;
  readonly #onBytes: () => void;

  constructor(text: string, sink: Writable, onBytes: () => void) {
    this.#text = text;
    this.#sink = sink;
    this.#onBytes = onBytes;

    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => {
        if (error) reject(error);
        else resolve({ rows: this.#rows, ...(this.#sinkError ? { sinkError: this.#sinkError } : {}) });
      };
    });
    sink.on('error', this.#onSinkError);
    sink.on('drain', this.#onDrain);
    // A sink that was destroyed drains no more.
    sink.on('close', this.#onDrain);
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as { stream: Duplex; query(text: string): void };
    this.#socket = wire.stream;
    this.#parser = wire.stream.listeners('data')[0] as DataListener;
    wire.stream.removeListener('data', this.#parser);
    wire.stream.on('data', this.#onData);
    wire.query(this.#text);
  }

  handleError(error: Error): void {
    // pg forgets the query at its error, so ReadyForQuery will not be told; the socket is given back there all the same. The sink
    // must not stop it on the way: what comes after an error is not for the sink.
    this.#leaveSink();
    this.#socket?.resume();
    this.#settle(error);
  }

  /** COPY's own messages: the bytes were taken before the parser, so there is nothing to do. */
  handleCommandComplete(): void {
    /* the tag is only the number of rows, which is counted */
  }

  handleReadyForQuery(): void {
    this.#leaveSink();
    this.#settle(undefined);
  }

  readonly #onSinkError = (error: Error): void => {
    // The rows still have to leave the socket, or the session could never be used again.
    this.#sinkError ??= error;
    this.#socket?.resume();
  };

  readonly #onDrain = (): void => {
    this.#socket?.resume();
  };

  readonly #onData = readInTurns(
    () => this.#socket,
    (chunk) => this.#readChunk(chunk),
  );

  #readChunk(chunk: Buffer): void {
    // What was read before the socket was destroyed may still be handed out.
    if (this.#socket?.destroyed) return;
    this.#onBytes();
    try {
      this.#read(chunk);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#socket?.destroy(error);
      this.handleError(error);
    }
  }

  /** @throws ProtocolError */
  #read(chunk: Buffer): void {
    let from = 0;
    /** The rows of this chunk that were not passed on yet: they are moved together over the headers between them. */
    let first = 0;
    let kept = 0;
    const passOn = (): void => {
      this.#write(chunk.subarray(first, kept));
      first = kept = from;
    };
    while (from < chunk.length) {
      if (this.#headerLength < HEADER) {
        from += this.#takeHeader(chunk, from);
        if (this.#headerLength < HEADER) break;
        const length = this.#left + 4;
        if (framingFault(this.#code, length) !== undefined) {
          // The rows before it are whole.
          passOn();
          checkFraming(this.#code, length);
        }
        // What came before another message goes before it: after an error nothing is passed on.
        if (this.#isForParser()) passOn();
        if (this.#code === READY_FOR_QUERY) {
          this.#giveBack();
          this.#parser?.(Buffer.concat([this.#header, chunk.subarray(from)]));
          return;
        }
        if (this.#isForParser()) this.#parser?.(Buffer.from(this.#header));
      }
      const take = Math.min(this.#left, chunk.length - from);
      if (take > 0) {
        if (this.#code === COPY_DATA) {
          // The chunk is ours, so no other buffer is needed.
          chunk.copyWithin(kept, from, from + take);
          kept += take;
        } else if (this.#isForParser()) {
          this.#parser?.(Buffer.from(chunk.subarray(from, from + take)));
        }
        from += take;
        this.#left -= take;
      }
      if (this.#left === 0) {
        this.#headerLength = 0;
        if (this.#code === COPY_DATA) this.#rows++;
      }
    }
    passOn();
  }

  /** Collects the header, which may be cut between two chunks. Returns the bytes taken. */
  #takeHeader(chunk: Buffer, from: number): number {
    let length: number;
    let taken: number;
    if (this.#headerLength === 0 && from + HEADER <= chunk.length) {
      taken = HEADER;
      this.#code = chunk[from] ?? 0;
      length = chunk.readUInt32BE(from + 1);
      if (this.#code !== COPY_DATA) chunk.copy(this.#header, 0, from, from + HEADER);
    } else {
      taken = chunk.copy(this.#header, this.#headerLength, from, from + HEADER - this.#headerLength);
      if (this.#headerLength + taken < HEADER) {
        this.#headerLength += taken;
        return taken;
      }
      this.#code = this.#header[0] ?? 0;
      length = this.#header.readUInt32BE(1);
    }
    this.#headerLength = HEADER;
    this.#left = length - 4;
    return taken;
  }

  #isForParser(): boolean {
    return this.#code !== COPY_DATA && this.#code !== COPY_OUT_RESPONSE && this.#code !== COPY_DONE;
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || this.#sinkLeft || this.#sinkError || this.#sink.destroyed) return;
    if (!this.#sink.write(bytes)) this.#socket?.pause();
  }

  #giveBack(): void {
    if (this.#socket && this.#parser) {
      this.#socket.removeListener('data', this.#onData);
      this.#socket.on('data', this.#parser);
      this.#socket.resume();
    }
  }

  #leaveSink(): void {
    this.#sinkLeft = true;
    this.#sink.removeListener('drain', this.#onDrain);
    this.#sink.removeListener('close', this.#onDrain);
    // Its 'error' listener stays: an error that comes late must not crash the process.
  }
}

/**
 * Runs a `COPY … TO STDOUT` and writes its bytes to the sink, which is left open.
 *
 * @param onBytes called at every chunk, so that a caller can see that something comes
 * @returns the number of rows that came, and the error of a sink that failed: they are read to their end all the same, or the
 * session could not be used again
 * @throws the server's error, or the connection's
 */
export function copyOut(client: Client, text: string, sink: Writable, onBytes: () => void): Promise<CopiedRows> {
  const query = new CopyOut(text, sink, onBytes);
  client.query(query);
  return query.done;
}
