// Peer selectors: which members of a class take part.

import type { DataValue } from '../../ir/index.ts';
import type { ComponentContext, NodeCall, NodeComponent } from '../../runtime/index.ts';
import { countOf, strings } from '../tensors.ts';

type Choose = (members: readonly string[], count: number, cx: ComponentContext) => readonly string[];

class Selector implements NodeComponent {
  readonly roles = ['peer_selector'] as const;
  readonly #choose: Choose;

  constructor(choose: Choose) {
    this.#choose = choose;
  }

  call({ options, inputs }: NodeCall, cx: ComponentContext): readonly DataValue[] {
    const { class: name = '', self } = options;
    const members = cx.members(name);
    if (members.length === 0) throw new Error(`there is no class ${name}`);
    const known = self === 'yes' ? members : members.filter((one) => one !== cx.peer);
    return [strings(this.#choose(known, countOf(inputs[0], 'count'), cx))];
  }
}

/** The first of the class, in its order: all of them where the count is large enough. */
export const allPeers = (): NodeComponent => new Selector((members, count) => members.slice(0, count));

/**
 * So many of the class, each choice equally likely, in random order (Fisher–Yates). In one flow an op draws alike however
 * often it is asked; in another flow, at another op or member anew.
 */
export const randomPeers = (): NodeComponent =>
  new Selector((members, count, { random }) => {
    const left = [...members];
    return Array.from({ length: Math.min(count, left.length) }, () => {
      const [taken] = left.splice(random.below(left.length), 1);
      return taken!;
    });
  });
