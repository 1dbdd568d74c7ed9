// The inputs of a run: read or made up, checked, and dealt to peers. At a cohort, `NAME` is one value for all
// members and `NAME@PEER` that of one.

import {
  type DataValue,
  DiagnosticError,
  diagnostic,
  hasErrors,
  type Plan,
  type Port,
} from '../../ir/index.ts';
import { isSecret, type PeerValues } from '../../runtime/host/index.ts';
import { UsageError } from '../context.ts';
import { readInputs } from '../tensors/files.ts';
import { checkInputs, randomInputs } from '../tensors/inputs.ts';
import { countOf } from './options.ts';

export interface InputOptions {
  readonly inputs?: readonly string[];
  readonly random?: string;
  readonly dim?: readonly string[];
}

/** The inputs by name, `NAME@PEER` included. Throws DiagnosticError BB705, BB820 to BB823. */
export function inputsFor(plan: Plan, options: InputOptions): Map<string, DataValue> {
  const given = givenFor(plan.inputs, options);
  const ports = plan.inputs.filter(callersGive).flatMap((port) => portsOf(plan, port, given));
  return completed(ports, given, options);
}

/** The inputs of one peer, by name. Throws as {@link inputsFor} does. */
export const inputsAt = (ports: readonly Port[], options: InputOptions): Map<string, DataValue> =>
  completed(ports.filter(callersGive), givenFor(ports, options), options);

const callersGive = (port: Port): boolean => !isSecret(port);

function givenFor(ports: readonly Port[], { inputs = [] }: InputOptions): Map<string, DataValue> {
  const given = readInputs(inputs, ports.filter(callersGive));
  const isGiven = ({ name }: Port): boolean =>
    [...given.keys()].some((key) => key === name || key.startsWith(`${name}@`));
  const secrets = ports.filter((port) => isSecret(port) && isGiven(port));
  if (secrets.length > 0)
    throw new DiagnosticError(secrets.map(({ name }) => diagnostic('BB705', { input: name })));
  return given;
}

function completed(
  ports: readonly Port[],
  given: Map<string, DataValue>,
  options: InputOptions,
): Map<string, DataValue> {
  const dims = sizes(ports, options.dim ?? []);
  if (options.random === undefined && dims.size > 0) {
    throw new UsageError('--dim sizes made-up inputs: give --random SEED too');
  }
  if (options.random !== undefined) {
    const seed = countOf('--random', options.random, 0);
    for (const [name, tensor] of randomInputs(ports, seed, dims)) {
      if (!given.has(name)) given.set(name, tensor);
    }
  }
  const problems = checkInputs(ports, given);
  if (hasErrors(problems)) throw new DiagnosticError(problems);
  return given;
}

function portsOf(
  plan: Plan,
  port: Plan['inputs'][number],
  given: ReadonlyMap<string, DataValue>,
): readonly Port[] {
  if (port.at.binder === 'single') return [port];
  const own = plan.members[port.at.class]!.map((peer) => ({ ...port, name: `${port.name}@${peer}` }));
  return own.some(({ name }) => given.has(name)) ? own : [port];
}

/** `--dim N=64`, `--dim x.1=64`: sizes of dimensions by name, or by input and axis. */
function sizes(ports: readonly Port[], specs: readonly string[]): Map<string, number> {
  const known = new Set(
    ports.flatMap(({ name, shape }) =>
      (shape ?? []).flatMap((dim, axis) =>
        typeof dim === 'number' ? [] : [`${name}.${axis}`, ...(dim ? [dim] : [])],
      ),
    ),
  );
  return new Map(
    specs.map((spec) => {
      const [, name, size] = /^(.+)=(\d+)$/.exec(spec) ?? [];
      if (name === undefined) throw new UsageError(`--dim takes NAME=SIZE, not '${spec}'`);
      if (!known.has(name)) {
        const open = known.size === 0 ? 'none is open' : `open are ${[...known].join(', ')}`;
        throw new UsageError(`--dim ${spec}: no input has an open dimension '${name}'; ${open}`);
      }
      return [name, countOf('--dim', size!, 0)];
    }),
  );
}

/** As the host takes them. */
export function valuesFor(plan: Plan, inputs: ReadonlyMap<string, DataValue>): PeerValues {
  const values: Record<string, DataValue | Record<string, DataValue>> = {};
  for (const { name, at } of plan.inputs.filter(callersGive)) {
    const common = inputs.get(name);
    values[name] =
      common ??
      Object.fromEntries(plan.members[at.class]!.map((peer) => [peer, inputs.get(`${name}@${peer}`)!]));
  }
  return values;
}
