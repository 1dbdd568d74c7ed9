import { isOneOf, sourceRule } from './rule.ts';

const isEnvironment = isOneOf([
  ...[
    'env',
    'argv',
    'argv0',
    'execArgv',
    'execPath',
    'pid',
    'ppid',
    'platform',
    'arch',
    'version',
    'versions',
    'title',
    'release',
    'config',
    'cwd',
    'memoryUsage',
    'cpuUsage',
    'resourceUsage',
    'getuid',
    'getgid',
  ].flatMap((name) => [`node:process.${name}`, `node:process.${name}.*`]),
  'node:os.*',
  'node:child_process.*',
  'navigator.*',
]);

export const environmentWhileRecording = sourceRule('environment-while-recording', {
  level: 'error',
  summary: 'the recorded graph depends on the machine that compiles it',
  rationale:
    'Environment variables, arguments, processor and operating system differ between the machines that compile a module, so the same source would give other bundles, which refuse each other. What shall vary is an input of the module, or a module of its own; what depends on peers stands in topology.json.',
  matches: (use) => isEnvironment(use.origin),
  message: (origin) => `${origin} differs between the machines that compile this module`,
  hint: 'write the value down, make it an input of the module, or give each variant a module file of its own',
  examples: {
    bad: {
      model: `
import { cpus } from 'node:os';
import { float32, input, module, output } from 'bytesandbrains';
const { env } = process;
export default module('tuned', () => {
  const x = input('x', float32, [2]);
  output('y', x.mul(Number(env.SCALE)).add(cpus().length));
});`,
    },
    good: {
      model: `
import { float32, input, module, output } from 'bytesandbrains';
const env = { SCALE: 2 };
export default module('tuned', () => {
  const x = input('x', float32, [2]);
  const bias = input('bias', float32, []);
  output('y', x.mul(env.SCALE).add(bias));
});`,
    },
  },
});
