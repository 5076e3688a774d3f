/** Pure rules of connection attempts: with or without TLS, and how several failures are summarized. */
import type { Fault } from '../../../base/fault';
import type { Target } from '../conninfo/defaults';
import type { SslMode } from '../conninfo/profile';
import { connectError, ConnectError } from '../errors';

export type Transport = 'tls' | 'plain';

/** Whether to try TLS, plain text, or both, in order. */
export function transportsOf(sslmode: SslMode, target: Pick<Target, 'socket'>): readonly Transport[] {
  // The kernel protects a socket; libpq never encrypts there, whatever sslmode is.
  if (target.socket || sslmode === 'disable') return ['plain'];
  if (sslmode === 'allow') return ['plain', 'tls'];
  return sslmode === 'prefer' ? ['tls', 'plain'] : ['tls'];
}

/** Summarizes the failures of one address, with and without TLS. @param failures in the order of the attempts */
export function bothTransportsFailed(
  failures: readonly { readonly transport: Transport; readonly error: ConnectError }[],
): ConnectError {
  const [first, second] = failures;
  if (!first) return connectError('unreachable', { code: 'connect.noHost' });
  if (!second || first.error.reason === second.error.reason) return first.error;
  // The TLS problem explains why the server then has no pg_hba.conf line for us without TLS.
  const reason = second.error.reason === 'hba' ? first.error.reason : second.error.reason;
  const [withTls, without] = first.transport === 'tls' ? [first, second] : [second, first];
  return connectError(
    reason,
    {
      code: 'connect.withAndWithoutTlsFailed',
      causes: [
        { code: 'connect.withTls', cause: withTls.error.fault },
        { code: 'connect.withoutTls', cause: without.error.fault },
      ],
    },
    { cause: [withTls.error, without.error] },
  );
}

/** A host, or an address of a host, that could not be used. */
export interface HostFailure {
  readonly error: ConnectError;
  /** The address, if the host was looked up. */
  readonly address: string | undefined;
}

/** Summarizes the failures of all hosts. Addresses of one host that fail alike are listed once, without the address. */
export function allHostsFailed(failures: readonly HostFailure[]): ConnectError {
  const [first, ...others] = failures;
  if (!first) return connectError('unreachable', { code: 'connect.noHost' });
  if (others.length === 0) return first.error;
  const distinct = new Map(failures.map(({ error }) => withoutAddress(error.fault)).map((f) => [JSON.stringify(f), f]));
  const causes = [...distinct.values()];
  const cause = failures.map(({ error }) => error);
  const reason = cause.find((error) => error.reason === 'sessionAttrs')?.reason ?? first.error.reason;
  const [only, ...more] = causes;
  return more.length === 0 && only
    ? new ConnectError(reason, only, { cause })
    : new ConnectError(reason, { code: 'connect.allHostsFailed', causes }, { cause });
}

function withoutAddress(fault: Fault): Fault {
  if (fault.params?.['address'] === undefined) return fault;
  return { ...fault, params: Object.fromEntries(Object.entries(fault.params).filter(([name]) => name !== 'address')) };
}
