export interface ConnectionProfile { readonly name: string; readonly host?: string; readonly port?: number | string; readonly database?: string; readonly user?: string }
export function validateProfile(v: unknown): { profile: ConnectionProfile } | { problem: string } { return { profile: v as ConnectionProfile }; }
