import { isOneOf, sourceRule } from './rule.ts';

const isClock = isOneOf([
  'Date.now',
  'node:perf_hooks.performance.now',
  'node:perf_hooks.performance.timeOrigin',
  'node:process.hrtime',
  'node:process.hrtime.*',
  'node:process.uptime',
]);

export const clockWhileRecording = sourceRule('clock-while-recording', {
  level: 'error',
  summary: 'the recorded graph depends on the time of day',
  rationale:
    'A module is recorded at each compilation, so a clock that it reads puts the time of the compilation into the graph: the same source gives other bytes each time, and no peer ever sees the time of its run. Time that a run needs is an input.',
  matches: ({ origin, how }) =>
    isClock(origin) || (origin === 'Date' && (how === 'called' || how === 'made without arguments')),
  message: (origin) =>
    `${origin === 'Date' ? 'Date without arguments' : origin} gives another value at each recording`,
  hint: 'take the time as an input of the module, or write the date down',
  examples: {
    bad: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
export default module('dated', () => {
  const x = input('x', float32, [2]);
  output('y', x.mul(new Date().getFullYear()));
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
const released = new Date('2026-01-01T00:00:00Z');
export default module('dated', () => {
  const x = input('x', float32, [2]);
  const year = input('year', float32, []);
  output('y', x.mul(year.sub(released.getUTCFullYear())));
});`,
    },
  },
});
