// One attack in a process of its own, whose memory is measured: `node --expose-gc attack-child.mjs ATTACK NETWORK BYTES CALLS`.

import { type Attack, underAttack } from './attacks.ts';

const [attack, network, bytes, calls] = process.argv.slice(2);
const outcome = underAttack({
  attack: attack as Attack,
  network: network === 'true',
  bytes: Number(bytes),
  calls: Number(calls),
  collect: (globalThis as { gc?: () => void }).gc,
});
console.log(JSON.stringify(outcome));
