export class ConnectError extends Error { reason = 'unreachable' as string }
