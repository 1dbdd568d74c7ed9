// What the peers of a deployment keep between flows, as their host sees it.

import type { Entry } from '../../ir/deployment.ts';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import { describeData, describePort, fits } from '../manifest.ts';
import type { Member } from './flow-result.ts';
import type { DataValues } from './hand-over.ts';

/** Throws DiagnosticError BB780 where what an entry is to be given is no argument of it, or of another type. */
export function checkArguments(entry: Entry, given: DataValues): void {
  const problems = Object.entries(given).flatMap(([name, value]) => {
    const port = entry.arguments?.find((one) => one.name === name);
    if (port === undefined) return [`entry ${entry.name} has no argument ${name}`];
    if (fits(port, value)) return [];
    return [`argument ${name} of entry ${entry.name} is ${describePort(port)}, not ${describeData(value)}`];
  });
  if (problems.length > 0)
    throw new DiagnosticError(problems.map((problem) => diagnostic('BB780', { problem })));
}

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
