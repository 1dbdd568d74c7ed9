import { isOneOf, sourceRule } from './rule.ts';

const isRandom = isOneOf([
  'Math.random',
  'node:crypto.randomBytes',
  'node:crypto.randomFill',
  'node:crypto.randomFillSync',
  'node:crypto.randomInt',
  'node:crypto.randomUUID',
  'node:crypto.getRandomValues',
  'node:crypto.webcrypto.getRandomValues',
  'node:crypto.webcrypto.randomUUID',
  'node:crypto.generateKeySync',
  'node:crypto.generateKeyPairSync',
  'uuid.v1',
  'uuid.v4',
  'uuid.v7',
  'nanoid.*',
]);

export const randomWhileRecording = sourceRule('random-while-recording', {
  level: 'error',
  summary: 'the recorded graph depends on chance',
  rationale:
    'A module is recorded anew at each compilation. Chance in its body makes each one another graph: bundles differ, their hashes differ, and peers that were compiled apart refuse each other. Chance that a run needs is an op of the graph or an input. Seen are the functions of JavaScript, Node and the packages uuid and nanoid, wherever code that runs while recording uses them; not what other packages do inside.',
  matches: (use) => isRandom(use.origin),
  message: (origin) => `${origin} gives another value at each recording`,
  hint: 'write the numbers down, compute them from a fixed seed, draw them in the graph (randomNormal with a seed), or take them as an input',
  examples: {
    bad: {
      model: `
import { constant, float32, input, module, output } from 'bytesandbrains';
const { random } = Math;
const noise = () => random() - 0.5;
export default module('noisy', () => {
  const x = input('x', float32, [2]);
  output('y', x.add(constant([noise(), noise()])));
});`,
    },
    good: {
      model: `
import { constant, float32, input, module, output } from 'bytesandbrains';
// A linear congruential generator: the same numbers every time.
let state = 7;
const noise = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647 - 0.5;
};
export const unused = () => Math.random();
export default module('dithered', () => {
  const x = input('x', float32, [2]);
  output('y', x.add(constant([noise(), noise()])));
});`,
    },
  },
});
