// Static neighbourhoods as selectors: who its neighbours are is known to each member of a class by the class alone.

import type { DataValue, ProtocolDeclaration } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { countOf, float32s, strings, stringsOf } from '../tensors.ts';
import { type Graph, mixingWeight, type Neighbourhood, randomRegular, ring, torus } from './graphs.ts';

/** What else a program may ask of it. */
export const mixing = {
  methods: {
    /**
     * How much each of these peers counts in the next mean of a member, by Metropolis–Hastings, 0 where it is no neighbour; and
     * the member itself, what is left to 1: so that who did not answer is made up for.
     */
    Mix: {
      kind: 'query',
      inputs: [{ name: 'peers', dtype: 'string', shape: ['K'] }],
      options: { class: [] },
      outputs: [
        { name: 'weights', dtype: 'float32', shape: ['K'] },
        { name: 'own', dtype: 'float32', shape: [] },
      ],
    },
  },
} as const satisfies ProtocolDeclaration;

class Neighbours implements NodeComponent {
  readonly roles = ['peer_selector', 'protocol'] as const;
  readonly declaration = mixing;
  readonly #neighbourhood: Neighbourhood;
  /** Of the class that was asked for last. */
  #known: { readonly members: readonly string[]; readonly graph: Graph } | undefined;

  constructor(neighbourhood: Neighbourhood) {
    this.#neighbourhood = neighbourhood;
  }

  call({ method, options, inputs }: NodeCall, cx: ComponentContext): readonly DataValue[] {
    const name = options.class ?? '';
    const members = cx.members(name);
    if (members.length === 0) throw new Error(`there is no class ${name}`);
    const here = members.indexOf(cx.peer);
    if (here === -1) throw new Error(`${cx.peer} is no ${name}`);
    const graph = this.#graphOf(members);
    if (method === 'Mix') return this.#mix(graph, here, members, stringsOf(inputs[0], 'peers'));
    const near = options.self === 'yes' ? [...graph[here]!, here].sort((a, b) => a - b) : graph[here]!;
    return [strings(near.slice(0, countOf(inputs[0], 'count')).map((at) => members[at]!))];
  }

  #graphOf(members: readonly string[]): Graph {
    if (this.#known?.members !== members)
      this.#known = { members, graph: this.#neighbourhood(members.length) };
    return this.#known.graph;
  }

  #mix(graph: Graph, here: number, members: readonly string[], peers: readonly string[]): DataValue[] {
    const near = new Map(graph[here]!.map((at) => [members[at], mixingWeight(graph, here, at)]));
    const weights = Float32Array.from(peers, (peer) => near.get(peer) ?? 0);
    const own = 1 - weights.reduce((sum, one) => sum + one, 0);
    return [float32s([weights.length], weights), float32s([], Float32Array.of(own))];
  }
}

export const ringNeighbours = ({ degree = 2 }: { readonly degree?: number } = {}): NodeComponent =>
  new Neighbours(ring(degree));
export const torusNeighbours = (): NodeComponent => new Neighbours(torus());
export const randomNeighbours = ({
  degree = 4,
  seed = 1,
}: {
  readonly degree?: number;
  readonly seed?: number;
} = {}): NodeComponent => new Neighbours(randomRegular(degree, seed));
