// One component by itself, in a container of its own.

import type { DataValue, RoleName } from '../../ir/index.ts';
import { Container, type ControlMessage } from '../../runtime/components/container.ts';
import type { NodeCall, NodeComponent } from '../../runtime/components/contract.ts';
import { defaultLimits } from '../../runtime/index.ts';

export class Bench {
  readonly container: Container;
  readonly sent: { readonly to: string; readonly message: ControlMessage }[] = [];
  readonly raised: { readonly event: string; readonly values: Readonly<Record<string, DataValue>> }[] = [];
  readonly broken: string[] = [];
  #answer: readonly DataValue[] | Error | undefined;
  #work = 0;
  #role: RoleName;

  constructor(
    component: NodeComponent,
    peer = 'a',
    members: Readonly<Record<string, readonly string[]>> = {},
  ) {
    this.#role = component.roles[0]!;
    this.container = new Container(
      {
        peer,
        seed: 1n,
        components: { one: component },
        members: (name) => members[name] ?? [],
        limits: defaultLimits,
      },
      {
        send: (to, message) => this.sent.push({ to, message }),
        raise: (_, event, values) => this.raised.push({ event, values }),
        answered: (_, outputs) => {
          this.#answer = outputs;
        },
        declined: (_, __, detail) => {
          this.#answer = new Error(detail);
        },
        dropped: (reason, _, what) => this.broken.push(`${reason}: ${what}`),
        broke: (_, what) => this.broken.push(what),
      },
    );
  }

  /** What a call gives; throws where it fails. `origin` tells flows and ops apart. */
  call(
    method: string,
    inputs: readonly DataValue[] = [],
    {
      options = {},
      kind = 'query',
      origin = '',
    }: Partial<Pick<NodeCall, 'options' | 'kind'>> & {
      readonly origin?: string;
    } = {},
  ): readonly DataValue[] {
    this.#answer = undefined;
    const call = { role: this.#role, method, kind, options, inputs, results: [] };
    this.container.call('one', ++this.#work, origin, call);
    if (this.#answer === undefined) throw new Error('no answer yet');
    if ((this.#answer as unknown) instanceof Error) throw this.#answer;
    return this.#answer;
  }

  update(method: string, ...inputs: readonly DataValue[]): void {
    this.call(method, inputs, { kind: 'update' });
  }
}
