// Certificates: what a server and a client are given, and whom a peer's certificate names.

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** PEM texts. */
export interface Tls {
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** The authority that vouches for peers; with `cert` and `key`, both sides show a certificate. */
  readonly ca?: Uint8Array;
}

/** Both sides show a certificate that names their peer. */
export const isMutual = (tls: Tls | undefined): boolean => tls?.ca !== undefined && tls.cert !== undefined;

const contents = ({ cert, key, ca }: Tls) => ({
  ...(cert && { cert: Buffer.from(cert) }),
  ...(key && { key: Buffer.from(key) }),
  ...(ca && { ca: Buffer.from(ca) }),
  minVersion: 'TLSv1.2' as const,
});

export const serverOptions = (tls: Tls) => ({
  ...contents(tls),
  requestCert: tls.ca !== undefined,
  rejectUnauthorized: tls.ca !== undefined,
});

/** Under mutual TLS the handshake compares the certificate with the peer, which is stricter than with a host name. */
export const clientOptions = (tls: Tls) => ({
  ...contents(tls),
  rejectUnauthorized: true,
  ...(isMutual(tls) ? { checkServerIdentity: () => false } : {}),
});

/** The peers that a verified certificate names. */
export function certifiedNames(socket: Socket): ReadonlySet<string> {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return new Set();
  const { subject, subjectaltname } = socket.getPeerCertificate();
  const common: unknown = subject?.CN;
  const names = (subjectaltname ?? '').split(', ').flatMap((one) => {
    const [, name] = /^(?:DNS:|URI:bbc:)([^\s"]+)$/.exec(one) ?? [];
    return name ?? [];
  });
  return new Set(typeof common === 'string' ? [common, ...names] : names);
}
