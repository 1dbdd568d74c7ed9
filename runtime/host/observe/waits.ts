// What the open flows of a node wait for: which value from whom, since when, until when. All else in them follows from
// these, so nothing waits without a reason that can be shown.

import type { Flow } from '../../flow.ts';
import type { FlowId } from '../../flow-id.ts';
import type { Waiting } from '../../waiting.ts';
import { inputWaitOf } from '../../waits.ts';

/**
 * input: of the graph, from the host. value: from another seat. answers: of a collect's members. segment, component: from
 * the host. state: that another flow has claimed. turn: until as many flows as the entry admits are over.
 */
export type WaitKind = 'input' | 'value' | 'answers' | 'segment' | 'component' | 'state' | 'turn';

export interface Wait {
  readonly kind: WaitKind;
  /** Undefined: flows that have yet to begin. */
  readonly flow?: FlowId;
  /** '' where the program has one seat only. */
  readonly seat: string;
  /** As the author called it: the value, collect, segment, component, state variable or entry. */
  readonly name: string;
  /** `file:line:column` of the author. */
  readonly at?: string | undefined;
  readonly edge?: number;
  /** Peers, in set order; undefined: a value that has not come says who. */
  readonly from?: readonly string[] | undefined;
  /** The flow here that has it. */
  readonly behind?: FlowId | undefined;
  /** How many wait. */
  readonly count?: number;
  readonly sinceNs?: number;
  /** When the wait ends without what it is for; undefined: when that does which it is for. */
  readonly untilNs?: number;
}

/** Of {@link Node.waiting}. */
export const waitsOf = ({ flows, works, claims, turns, uselessNs }: Waiting): readonly Wait[] => [
  ...[...flows].flatMap((flow) => outsideOf(flow, uselessNs)),
  ...[...works].map(({ work: { flow, call }, ...times }): Wait => {
    const [kind, name] =
      call.kind === 'segment'
        ? (['segment', call.segment] as const)
        : (['component', call.component] as const);
    return { kind, name, flow: flow.id, seat: flow.seat.name, ...times };
  }),
  ...[...claims].map(
    ({ key, claim: { flow }, behind }): Wait => ({
      kind: 'state',
      name: key,
      flow: flow.id,
      seat: flow.seat.name,
      behind: behind.flow.id,
      sinceNs: flow.learnedNs,
    }),
  ),
  ...[...turns].map(
    ({ entry, count, behind }): Wait => ({ kind: 'turn', name: entry, seat: '', count, behind: behind?.id }),
  ),
];

/** What a flow waits for that comes from outside this node. */
function outsideOf(flow: Flow, uselessNs: Waiting['uselessNs']): Wait[] {
  const { seat, id, learnedNs: sinceNs } = flow;
  const common = { flow: id, seat: seat.name, sinceNs };
  const untilNs = sinceNs + inputWaitOf(seat);
  const inputs = seat.inputs.flatMap(({ port: { name } }, input): Wait[] =>
    flow.supplied[input] === 1 ? [] : [{ kind: 'input', name, ...common, untilNs }],
  );
  const waits = seat.waits.flatMap((index): Wait[] => {
    const one = seat.instructions[index]!;
    if (flow.fired[index] === 1 || (one.kind !== 'recv' && one.kind !== 'collect')) return [];
    const sources = flow.sourcesOf(index, one);
    const until = Math.min(sinceNs + one.deadlineNs, uselessNs(flow, index));
    const rest = { at: one.at, ...common, untilNs: until };
    if (one.kind === 'recv')
      return [
        { kind: 'value', name: one.edge.value, edge: one.edge.id, from: sources?.slice(0, 1), ...rest },
      ];
    const open = flow.answers.get(index)?.open;
    const from = sources?.filter((_, member) => open?.[member] !== 0);
    return [{ kind: 'answers', name: one.name, edge: one.edges[0]!.id, from, ...rest }];
  });
  return [...inputs, ...waits];
}
