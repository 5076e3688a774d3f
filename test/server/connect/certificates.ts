/**
 * Creates certificates with any dates and names: X.509 in DER (RFC 5280), signed by Node. No
 * other program is needed.
 */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface CertificateRequest {
  readonly commonName: string;
  /** Alternative names; IPv4 addresses among them are addresses. */
  readonly names?: readonly string[];
  readonly authority?: boolean;
  /** Days from now; by default from yesterday for ten days. */
  readonly from?: number;
  readonly until?: number;
  /** By default self-signed. */
  readonly issuer?: Certificate;
  /** Whether to use RSA keys, which are slower to generate than the default elliptic curves. */
  readonly rsa?: boolean;
}

export interface Certificate {
  readonly pem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
  readonly subject: Buffer;
  readonly serial: Buffer;
  encryptedKeyPem(passphrase: string): string;
}

export function makeCertificate(request: CertificateRequest): Certificate {
  const { privateKey } = request.rsa
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = distinguishedName(request.commonName);
  const issuer = request.issuer ?? { key: privateKey, subject };
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
  const algorithm = signatureAlgorithm(issuer.key);
  const extensions = [
    // basicConstraints, critical: whether it is an authority.
    extension('551d13', true, sequence(request.authority ? der(0x01, Buffer.from([0xff])) : Buffer.alloc(0))),
    ...(request.names ? [extension('551d11', false, sequence(...request.names.map(alternativeName)))] : []),
  ];
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    issuer.subject,
    sequence(time(request.from ?? -1), time(request.until ?? 9)),
    subject,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  return {
    pem: pem('CERTIFICATE', signed(body, algorithm, issuer.key)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    key: privateKey,
    subject,
    serial,
    encryptedKeyPem: (passphrase) =>
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString(),
  };
}

/** A list of the revoked certificates of an authority. */
export function makeRevocationList(authority: Certificate, revoked: readonly Certificate[]): string {
  const algorithm = signatureAlgorithm(authority.key);
  const entries = revoked.map(({ serial }) => sequence(integer(serial), time(-1)));
  const body = sequence(
    integer(Buffer.from([1])),
    algorithm,
    authority.subject,
    time(-1),
    time(9),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
  );
  return pem('X509 CRL', signed(body, algorithm, authority.key));
}

function signed(body: Buffer, algorithm: Buffer, key: KeyObject): Buffer {
  return sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, key)])));
}

/** sha256WithRSAEncryption or ecdsa-with-SHA256. */
function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(objectId('2a864886f70d01010b'), der(0x05, Buffer.alloc(0)))
    : sequence(objectId('2a8648ce3d040302'));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(commonName)))));
}

function alternativeName(name: string): Buffer {
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  return address ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

function time(days: number): Buffer {
  const at = new Date(Date.now() + days * 86_400_000);
  return der(0x18, Buffer.from(`${at.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pem(label: string, body: Buffer): string {
  const lines = body.toString('base64').replaceAll(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}
