// How well parameters read digits that nobody has learnt from, kind by kind.

import { parseTopology } from '../../compiler/index.ts';
import { dataSource, entry, float32, input, module, output, peer, scan } from '../../dsl/index.ts';
import { accuracy } from '../../dsl/loss/index.ts';
import type { Specs } from '../../dsl/nn/index.ts';
import { isTensor } from '../../ir/index.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import type { Backend, Component } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';
import type { Weights } from '../../stdlib/strategies/index.ts';
import { peersOf } from '../run/memory.ts';
import { deploymentOf } from './compiled.ts';
import { KINDS, type Network, OF_A_KIND } from './digits.ts';
import type { Parameters } from './entrants.ts';

export interface Scorer {
  /** The share of digits of each kind that are read rightly. */
  score(parameters: Parameters): Promise<readonly number[]>;
  close(): Promise<void>;
}

const scorer = peer('scorer');

/** A node by itself, which is given one set of parameters after the other. */
export async function openScorer(network: Network, test: Component, backend: Backend): Promise<Scorer> {
  const { parameters: specs, fields } = network.task(0);
  const names = Object.keys(specs);
  const source = module('score', () => {
    const given = names.map((name, at) => {
      const { dims } = (specs as Specs)[name]!;
      return [name, input(`parameter${at}`, float32, dims, { at: scorer })];
    });
    const digits = dataSource('test', { at: scorer, fields });
    entry('score', scorer, {}, () => {
      const { image, label } = digits.batch(0n, KINDS * OF_A_KIND);
      const rows = {
        image: image!.reshape([KINDS, OF_A_KIND, 1, 28, 28]),
        label: label!.reshape([KINDS, OF_A_KIND]),
      };
      const weights: Weights = Object.fromEntries(given);
      const { right } = scan({}, rows, (_, { image, label }) => ({
        right: accuracy(network.logits(weights, image as never) as never, label as never),
      }));
      output('right', right);
    });
  });
  const { topology } = parseTopology('{"version":1,"classes":{"scorer":{}}}', 'topology.json');
  const peers = peersOf(deploymentOf(source, topology!)).map((one) => ({ ...one, components: { test } }));
  const deployment = await startDeployment({ peers, backend });
  return {
    async score(parameters) {
      const given = names.map((name, at) => [`parameter${at}`, parameters[name]!]);
      const { outputs, causes } = await deployment.invoke(Object.fromEntries(given));
      const right = outputs.right;
      if (right === undefined || isMissing(right) || !isTensor(right))
        throw new Error(`no score: ${JSON.stringify(causes)}`);
      return [...new Float32Array(right.bytes.slice().buffer)];
    },
    close: () => deployment.close(),
  };
}
