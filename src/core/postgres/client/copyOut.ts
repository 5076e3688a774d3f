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
 * Runs `COPY … TO STDOUT` into a stream without decoding rows.
 *
 * During the query it replaces pg's listener on the socket. CopyData goes to the sink, every other message to pg's own parser, so that
 * notices and errors are handled as usual. `pg-copy-streams` does the same but drops every NoticeResponse between rows, which is
 * exactly where the notices of a worker arrive (measured with 7.0.0).
 */
class CopyOut implements Submittable {
  #socket: Duplex | undefined;
  #parser: DataListener | undefined;
  #header = Buffer.alloc(HEADER);
  #headerLength = 0;
  #code = 0;
  /** Bytes of the current message's body that have not arrived yet. */
  #remaining = 0;
  #rows = 0;
  #sinkError: Error | undefined;
  #sinkDetached = false;
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
    // A destroyed sink does not emit 'drain' anymore.
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
    // After an error, pg does not pass ReadyForQuery on to the query, but #read still sees it and restores the socket. Until then the
    // sink must not pause the socket: nothing after an error is for the sink.
    this.#detachSink();
    this.#socket?.resume();
    this.#settle(error);
  }

  handleCommandComplete(): void {
    // Nothing to do: the tag contains only the number of rows, which this class counts itself.
  }

  handleReadyForQuery(): void {
    this.#detachSink();
    this.#settle(undefined);
  }

  readonly #onSinkError = (error: Error): void => {
    // The remaining rows must still be read from the socket, or the session could not be used again.
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
    // Chunks that were read before the socket was destroyed may still arrive.
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
    /** Start and end of the rows in this chunk that have not been passed on. They are compacted over the headers between them. */
    let first = 0;
    let end = 0;
    const passOn = (): void => {
      this.#write(chunk.subarray(first, end));
      first = end = from;
    };
    while (from < chunk.length) {
      if (this.#headerLength < HEADER) {
        from += this.#takeHeader(chunk, from);
        if (this.#headerLength < HEADER) break;
        const length = this.#remaining + 4;
        if (framingFault(this.#code, length) !== undefined) {
          // The rows before it are complete.
          passOn();
          checkFraming(this.#code, length);
        }
        // Rows before another message are passed on before it: after an error nothing is passed on.
        if (this.#isForParser()) passOn();
        if (this.#code === READY_FOR_QUERY) {
          this.#restoreSocket();
          this.#parser?.(Buffer.concat([this.#header, chunk.subarray(from)]));
          return;
        }
        if (this.#isForParser()) this.#parser?.(Buffer.from(this.#header));
      }
      const take = Math.min(this.#remaining, chunk.length - from);
      if (take > 0) {
        if (this.#code === COPY_DATA) {
          // Nothing else uses the chunk, so it needs no other buffer.
          chunk.copyWithin(end, from, from + take);
          end += take;
        } else if (this.#isForParser()) {
          this.#parser?.(Buffer.from(chunk.subarray(from, from + take)));
        }
        from += take;
        this.#remaining -= take;
      }
      if (this.#remaining === 0) {
        this.#headerLength = 0;
        if (this.#code === COPY_DATA) this.#rows++;
      }
    }
    passOn();
  }

  /** Reads the header, which may be split between two chunks. @returns how many bytes it took */
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
    this.#remaining = length - 4;
    return taken;
  }

  #isForParser(): boolean {
    return this.#code !== COPY_DATA && this.#code !== COPY_OUT_RESPONSE && this.#code !== COPY_DONE;
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || this.#sinkDetached || this.#sinkError || this.#sink.destroyed) return;
    if (!this.#sink.write(bytes)) this.#socket?.pause();
  }

  #restoreSocket(): void {
    if (this.#socket && this.#parser) {
      this.#socket.removeListener('data', this.#onData);
      this.#socket.on('data', this.#parser);
      this.#socket.resume();
    }
  }

  #detachSink(): void {
    this.#sinkDetached = true;
    this.#sink.removeListener('drain', this.#onDrain);
    this.#sink.removeListener('close', this.#onDrain);
    // The 'error' listener remains: a late error must not crash the process.
  }
}

/**
 * Runs a `COPY … TO STDOUT` and writes its bytes to the sink, which remains open.
 *
 * @param onBytes called for each chunk that arrives
 * @returns the number of rows, and the error of the sink if it failed: the rows are then still read to the end, or the session could
 *   not be used again
 * @throws the error of the server or of the connection
 */
export function copyOut(client: Client, text: string, sink: Writable, onBytes: () => void): Promise<CopiedRows> {
  const query = new CopyOut(text, sink, onBytes);
  client.query(query);
  return query.done;
}
