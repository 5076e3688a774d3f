import type { ConnectionProfile } from './profile';
export function parseConnectionString(t: string): { profile: ConnectionProfile; password: string | undefined } { const u = new URL(t); return { profile: { name: '', host: u.hostname, port: Number(u.port), database: u.pathname.slice(1), user: u.username }, password: u.password || undefined }; }
