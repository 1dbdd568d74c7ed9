// An HTTP endpoint that says how a peer is doing. It changes nothing, and asks nobody who they are: listen where only
// those who may know can reach it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DiagnosticError, diagnostic } from '../../../ir/diagnostic.ts';

export interface Answer {
  readonly type: string;
  readonly body: string;
}

/** By path, such as `/metrics`. */
export type Answers = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface Endpoint {
  /** Without a path. */
  readonly url: string;
  close(): Promise<void>;
}

/** Slow readers and idle connections are closed; nobody sends us more than a line. */
const LIMITS = { headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 5000 };
const MAX_CONNECTIONS = 64;

/** Rejects with DiagnosticError BB761 where it cannot listen. Port 0 is any that is free. */
export async function openEndpoint(host: string, port: number, answers: Answers): Promise<Endpoint> {
  const server = createServer(LIMITS, (request, response) => void respond(answers, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    url: urlOf(host, address.port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const urlOf = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const address = urlOf(host, port);
      reject(new DiagnosticError(diagnostic('BB761', { address, reason: error.message })));
    });
    server.listen(port, host, resolve);
  });
}

async function respond(answers: Answers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [pathname = '/'] = (request.url ?? '/').split('?', 1);
  const answer = Object.hasOwn(answers, pathname) ? answers[pathname] : undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'only GET\n');
  if (answer === undefined) return end(response, 404, `${Object.keys(answers).join('\n')}\n`);
  const { type, body } = await answer();
  end(response, 200, body, type);
}

function end(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
