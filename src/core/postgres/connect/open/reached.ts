/** Remembers which of several hosts and addresses a connection reached, so that the link's next connection tries it first. */
import type { Client } from 'pg';
import type { ReachedPlace } from '../../../jobs/serverIdentity';
import type { Target } from '../conninfo/defaults';

const reached = new WeakMap<Client, ReachedPlace>();

export function noteReached(client: Client, target: Target, address: string | undefined): void {
  reached.set(client, {
    host: hostOf(target),
    port: target.port,
    ...(address === undefined ? {} : { address }),
  });
}

/** Undefined for a client that openConnection did not open. */
export function reachedBy(client: Client): ReachedPlace | undefined {
  return reached.get(client);
}

/** The same hosts, the preferred one first; the others keep their order. */
export function preferredFirst(targets: readonly Target[], prefer: ReachedPlace | undefined): readonly Target[] {
  if (!prefer) return targets;
  const isPreferred = (target: Target): boolean =>
    hostOf(target) === prefer.host &&
    target.port === prefer.port &&
    (target.hostaddr === undefined || target.hostaddr === prefer.address);
  return [...targets.filter(isPreferred), ...targets.filter((target) => !isPreferred(target))];
}

/** The same addresses of one host, the preferred one first. */
export function preferredAddressFirst(
  addresses: readonly (string | undefined)[],
  target: Target,
  prefer: ReachedPlace | undefined,
): readonly (string | undefined)[] {
  if (prefer?.host !== hostOf(target) || prefer.port !== target.port) return addresses;
  return [
    ...addresses.filter((address) => address === prefer.address),
    ...addresses.filter((address) => address !== prefer.address),
  ];
}

function hostOf({ host, hostaddr }: Target): string {
  return host === '' ? (hostaddr ?? '') : host;
}
