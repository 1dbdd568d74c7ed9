// One worker thread of the pool.

import { parentPort } from 'node:worker_threads';
import type { Answer, Envelope, Request } from './protocol.ts';
import { Sessions } from './sessions.ts';

const port = parentPort!;
const sessions = new Sessions();

/** Outputs leave by transfer; a buffer may hold several of them but may be listed only once. */
function transferOf(body: Answer): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  if (body.kind === 'ran') for (const { bytes } of body.outputs) buffers.add(bytes.buffer as ArrayBuffer);
  if (body.kind === 'ran' || body.kind === 'failed') for (const one of body.givenBack) buffers.add(one);
  return [...buffers];
}

port.on('message', async ({ id, body: request }: Envelope<Request>) => {
  const body = await sessions.answer(request);
  const reply: Envelope<Answer> = { id, body };
  port.postMessage(reply, transferOf(body));
});
