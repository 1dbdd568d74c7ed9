// `--optimizer NAME:setting=value,…` as an optimiser.

import type { Tensor } from '../../dsl/index.ts';
import { type Optimizer, optimizersByName } from '../../dsl/optim/index.ts';
import { UsageError } from '../context.ts';

const DEFAULT_RATE = 1e-3;

/** Names as the command line has them: `onnx_adam`, `weight_decay`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const byName = new Map(Object.entries(optimizersByName).map(([name, one]) => [snake(name), one]));

export const optimizerNames: readonly string[] = [...byName.keys()];

/** Throws UsageError for what there is not. */
export function parseOptimizer(text: string): {
  readonly rate: number;
  readonly optimizer: (lr: Tensor<'float32'>) => Optimizer;
} {
  const [name = '', rest = ''] = text.split(/:(.*)/s);
  const found = byName.get(name);
  if (found === undefined)
    throw new UsageError(`--optimizer wants one of ${optimizerNames.join(', ')}, not ${name}`);
  const known = new Map(Object.entries(found.settings).map(([key, value]) => [snake(key), { key, value }]));
  const settings: Record<string, number | boolean> = {};
  let rate = DEFAULT_RATE;
  for (const part of rest.split(',').filter((one) => one !== '')) {
    const [setting = '', written = ''] = part.split('=');
    const value = Number(written);
    if (written === '' || !Number.isFinite(value))
      throw new UsageError(`--optimizer: ${setting} wants a number, not ${JSON.stringify(written)}`);
    const of = known.get(setting);
    if (setting === 'lr') rate = value;
    else if (of === undefined)
      throw new UsageError(`--optimizer: ${name} has ${['lr', ...known.keys()].join(', ')}, not ${setting}`);
    else settings[of.key] = typeof of.value === 'boolean' ? value !== 0 : value;
  }
  return { rate, optimizer: (lr) => found.make({ lr, ...settings }) };
}
