// Does for a node what it asks for: runs segments, asks components, and says where numbers that are not finite come from.

import type { DataValue } from '../../ir/data.ts';
import type { Component } from '../component.ts';
import type { Program } from '../instruction.ts';
import type { Input, Output } from '../io.ts';
import { firstWrong, type Origin, suspectOutputs, type Watched, watchedOutputs } from './finite.ts';
import type { Segments } from './segments.ts';

/** What the node wants done, to be answered. */
export type Request = Extract<Output, { type: 'work' | 'call' }>;
export type Answer = Extract<Input, { type: 'done' | 'failed' }>;

export interface WorkbenchOptions {
  readonly program: Program;
  readonly segments: Segments;
  /** By name: one that fits for every slot of the program. */
  readonly components: Readonly<Record<string, Component>>;
  /** Where a segment's first number that is not finite comes from, given its inputs. */
  readonly originOf: (segment: string, inputs: readonly DataValue[]) => Promise<Origin>;
  /** Gets buffers back that nobody uses any more. */
  readonly reclaim: (buffer: ArrayBuffer) => void;
}

/** What a program's segments shall be watched for; the same for all peers that run it. */
export interface Watching {
  readonly watched: ReadonlyMap<string, readonly Watched[]>;
  readonly suspects: ReadonlyMap<string, readonly Watched[]>;
}

export const watchingOf = (program: Program): Watching => ({
  watched: watchedOutputs(program),
  suspects: suspectOutputs(program),
});

export class Workbench {
  readonly #options: WorkbenchOptions;
  readonly #watching: Watching;
  /** Segments whose suspect numbers were told. */
  #told: Set<string> | undefined;

  constructor(options: WorkbenchOptions, watching: Watching = watchingOf(options.program)) {
    this.#options = options;
    this.#watching = watching;
  }

  /** Never rejects. */
  async run(output: Request): Promise<Answer> {
    const { work } = output;
    const { components, segments, reclaim, originOf } = this.#options;
    try {
      if (output.type === 'call') {
        const outputs = await components[output.component]!.call(output);
        output.transfer.forEach(reclaim);
        return { type: 'done', work, outputs };
      }
      const { segment, inputs, transfer } = output;
      const watched = this.#watching.watched.get(segment);
      const loaded = segments.get(segment)!;
      // Once is enough to know where it comes from, and where it is meant it comes in every round.
      const suspects = this.#told?.has(segment) ? undefined : this.#watching.suspects.get(segment);
      if (watched === undefined && suspects === undefined)
        return { type: 'done', work, outputs: await loaded.run(inputs, { transfer, reclaim }) };
      // Its inputs are needed once more if it goes wrong.
      const outputs = await loaded.run(inputs);
      const wrong = firstWrong(watched ?? [], outputs);
      const suspect = wrong ?? firstWrong(suspects ?? [], outputs);
      const origin = suspect === undefined ? {} : await originOf(segment, inputs);
      transfer.forEach(reclaim);
      if (suspect === undefined) return { type: 'done', work, outputs };
      if (wrong === undefined) {
        this.#told ??= new Set();
        this.#told.add(segment);
        return { type: 'done', work, outputs, suspect: { value: suspect, ...origin } };
      }
      const { op, at, input } = origin;
      const from = op ?? (input === undefined ? 'no op that could be found' : `its input ${input}`);
      const message = `${wrong} is not finite; first was ${from}${at === undefined ? '' : `, ${at}`}`;
      return { type: 'failed', work, message, notFinite: { value: wrong, ...origin } };
    } catch (error) {
      return { type: 'failed', work, message: error instanceof Error ? error.message : String(error) };
    }
  }
}
