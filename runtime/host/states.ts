// What the peers of a deployment keep between flows, as their host sees it.

import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import { describeData, describePort, fits } from '../manifest.ts';
import type { Member } from './flow-result.ts';
import type { DataValues } from './hand-over.ts';

/** By peer, then by key of the state variable. */
export type PeerStates = Readonly<Record<string, DataValues>>;

/** Throws DiagnosticError BB780, with every peer and every variable that is not there or holds something else. */
export function checkStates(members: readonly Member[], states: PeerStates): void {
  const problems: string[] = [];
  for (const [peer, state] of Object.entries(states)) {
    const member = members.find(({ id }) => id === peer);
    if (member === undefined) problems.push(`there is no peer ${peer}`);
    for (const [key, value] of Object.entries(member === undefined ? {} : state)) {
      const variable = member!.manifest.state.find((one) => one.key === key);
      if (variable === undefined) problems.push(`${peer} has no state ${key}`);
      else if (!fits(variable, value))
        problems.push(`${key} of ${peer} is ${describePort(variable)}, not ${describeData(value)}`);
    }
  }
  if (problems.length > 0)
    throw new DiagnosticError(problems.map((problem) => diagnostic('BB780', { problem })));
}
