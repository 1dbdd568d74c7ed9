// Fault files: from JSON to a checked plan, with every problem pointed at in the file.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FieldReader } from '../../compiler/fields.ts';
import type { JsonMember, JsonNode } from '../../compiler/json.ts';
import { type Quantity, quantities } from '../../compiler/units.ts';
import { type Diagnostic, DiagnosticError, diagnostic, hasErrors } from '../../ir/index.ts';
import type { Distribution } from '../../runtime/host/sim/chance.ts';
import type { Fault, FaultPlan, Selection, Timing } from '../../runtime/host/sim/faults.ts';
import type { LinkFault } from '../../runtime/host/sim/network.ts';
import { readProblem } from '../load/files.ts';
import { isPreset, presets } from './presets.ts';

export const FAULTS_VERSION = 1;
/** After how long a transport gives a silent peer up. */
const NOTICE_NS = 15e9;

type Fields = Readonly<Record<string, JsonMember | undefined>>;
const KINDS = ['crash', 'leave', 'join', 'slow', 'link', 'partition', 'lie'] as const;
const timing = { at: {}, every: {}, for: {}, until: {} };
const own = {
  crash: { ...timing, who: {}, restart: {}, notice: {} },
  leave: { ...timing, who: {} },
  join: { at: { required: '"at": "30s"' }, who: {} },
  slow: { ...timing, who: {}, factor: { required: '"factor": 8' } },
  link: { ...timing, between: {}, loss: {}, duplicate: {}, reorder: {}, latency: {}, bandwidth: {} },
  partition: { ...timing, groups: { required: '"groups": ["server", "phone"]' }, notice: {} },
  lie: { ...timing, who: {}, corrupt: {}, replay: {}, withhold: {}, unproven: {} },
};

/** The text of a fault file, or of a preset of that name. Throws DiagnosticError. */
export function faultText(file: string): string {
  if (isPreset(file)) return JSON.stringify(presets[file], null, 2);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
}

/** Throws DiagnosticError. `names`: peers and classes that there are. */
export function faultPlan(text: string, file: string, names: readonly string[]): FaultPlan {
  const { plan, diagnostics } = parseFaults(text, path.basename(file), names);
  if (plan === undefined || hasErrors(diagnostics)) throw new DiagnosticError(diagnostics);
  return plan;
}

/** The plan in `text`; undefined if a diagnostic is an error. */
export function parseFaults(
  text: string,
  file: string,
  names: readonly string[],
): { readonly plan?: FaultPlan; readonly diagnostics: readonly Diagnostic[] } {
  const reader = new FieldReader(file, text);
  const root = reader.document();
  if (root === undefined) return { diagnostics: reader.diagnostics };
  const fields = reader.object(root, 'the faults', {
    $schema: {},
    version: { required: `"version": ${FAULTS_VERSION}` },
    faults: { required: '"faults": [{ "kind": "crash", "who": "phone", "at": "10s" }]' },
  });
  reader.number(fields.version?.value, '"version"', `${FAULTS_VERSION}`, (one) => one === FAULTS_VERSION);
  const faults = reader
    .items(fields.faults?.value, '"faults"')
    .flatMap((item) => new FaultReader(reader, item, names).read() ?? []);
  const diagnostics = reader.inFileOrder();
  return hasErrors(diagnostics) ? { diagnostics } : { plan: { faults }, diagnostics };
}

const shareText = 'a share from 0 to 1';
const isShare = (value: number): boolean => value >= 0 && value <= 1;

class FaultReader {
  readonly #reader: FieldReader;
  readonly #node: JsonNode;
  readonly #names: readonly string[];
  #where = 'a fault';

  constructor(reader: FieldReader, node: JsonNode, names: readonly string[]) {
    this.#reader = reader;
    this.#node = node;
    this.#names = names;
  }

  read(): Fault | undefined {
    const object = this.#reader.members(this.#node, 'a fault');
    if (object === undefined) return undefined;
    const node = object.members.find(({ key }) => key === 'kind')?.value;
    if (node === undefined) {
      this.#reader.object(this.#node, 'a fault', {
        kind: { required: `"kind": "crash", or ${KINDS.slice(1).join(', ')}` },
      });
      return undefined;
    }
    const kind = this.#word(node, 'the kind of a fault', KINDS);
    if (kind === undefined) return undefined;
    this.#where = `fault "${kind}"`;
    const fields = this.#reader.object(this.#node, this.#where, { kind: {}, ...own[kind] });
    const when = this.#timing(fields);
    const fault = this.#fault(kind, fields);
    return fault && ({ ...when, ...fault } as Fault);
  }

  #fault(kind: (typeof KINDS)[number], fields: Fields): Fault | undefined {
    const who = this.#selection(fields.who?.value);
    switch (kind) {
      case 'crash': {
        const restart =
          fields.restart &&
          this.#word(fields.restart.value, `"restart" of ${this.#where}`, ['fresh', 'restored']);
        return { kind, who, restart: restart ?? 'fresh', noticeNs: this.#notice(fields.notice) };
      }
      case 'leave':
      case 'join':
        return { kind, who };
      case 'slow': {
        const factor = fields.factor && this.#distribution(fields.factor, undefined);
        return factor && { kind, who, factor };
      }
      case 'link':
        return {
          kind,
          between: this.#reader
            .items(fields.between?.value, `"between" of ${this.#where}`)
            .map((item) => this.#selection(item)),
          fault: this.#link(fields),
        };
      case 'partition':
        return {
          kind,
          groups: this.#reader
            .items(fields.groups?.value, `"groups" of ${this.#where}`)
            .map((item) => this.#selection(item)),
          noticeNs: this.#notice(fields.notice),
        };
      case 'lie':
        return {
          kind,
          who,
          lies: {
            corrupt: this.#share(fields.corrupt),
            replay: this.#share(fields.replay),
            withhold: this.#share(fields.withhold),
            unproven: this.#truth(fields.unproven),
          },
        };
    }
  }

  #timing(fields: Fields): Timing {
    const every = fields.every && this.#distribution(fields.every, quantities.duration);
    const lasting = fields.for && this.#distribution(fields.for, quantities.duration);
    // What comes again has to be over first.
    if (fields.every !== undefined && fields.for === undefined) {
      const context = this.#reader.context(fields.every.keySpan);
      this.#reader.report(diagnostic('BB794', { fault: this.#where }, context));
    }
    return {
      atNs: this.#duration(fields.at),
      everyNs: every,
      forNs: lasting,
      untilNs: this.#duration(fields.until),
    };
  }

  #link(fields: Fields): LinkFault {
    const node = fields.reorder?.value;
    const reorder =
      node &&
      this.#reader.object(node, `"reorder" of ${this.#where}`, {
        share: { required: '"share": 0.1' },
        by: { required: '"by": "200ms", how long such a frame is held back' },
      });
    const share = this.#share(reorder?.share);
    const byNs = reorder?.by && this.#distribution(reorder.by, quantities.duration);
    const rate = fields.bandwidth?.value;
    return {
      loss: this.#share(fields.loss),
      duplicate: this.#share(fields.duplicate),
      ...(share !== undefined && byNs !== undefined && { reorder: { share, byNs } }),
      latencyNs: fields.latency && this.#distribution(fields.latency, quantities.duration),
      bytesPerSecond: this.#reader.quantity(rate, `"bandwidth" of ${this.#where}`, quantities.bandwidth),
    };
  }

  /** `"phone"`, a list of names, or an object with `of`, `share` or `count`. */
  #selection(node: JsonNode | undefined): Selection {
    if (node === undefined) return {};
    const where = `the peers of ${this.#where}`;
    if (node.kind !== 'object') return { names: this.#list(node, where) };
    const fields = this.#reader.object(node, where, { of: {}, share: {}, count: {} });
    const count = this.#reader.number(
      fields.count?.value,
      `"count" of ${where}`,
      'a whole number from 0',
      (value) => Number.isSafeInteger(value) && value >= 0,
    );
    return {
      ...(fields.of && { names: this.#list(fields.of.value, where) }),
      share: this.#share(fields.share),
      count,
    };
  }

  #list(node: JsonNode, where: string): readonly string[] {
    const items = node.kind === 'array' ? node.items : [node];
    return items.flatMap((item) => {
      const name = this.#reader.string(item, where, 'the name of a peer or a class, or a list of them');
      if (name === undefined) return [];
      if (!this.#names.includes(name)) this.#reader.unknown(item, 'peer or class', name, this.#names);
      return [name];
    });
  }

  /** A number or a quantity, or how one is drawn. */
  #distribution(member: JsonMember, quantity: Quantity | undefined): Distribution | undefined {
    const where = `"${member.key}" of ${this.#where}`;
    const { value: node } = member;
    const one = (item: JsonNode): number => this.#number(item, where, quantity);
    if (node.kind !== 'object') return { kind: 'constant', value: one(node) };
    const [only, ...others] = node.members;
    const kinds = ['uniform', 'exponential', 'normal', 'lognormal', 'pareto'];
    if (only === undefined || others.length > 0) {
      this.#reader.unexpected(node, where, `one of ${kinds.join(', ')}`);
      return undefined;
    }
    const two = (what: string, second = one): readonly [number, number] | undefined => {
      const items = this.#reader.items(only.value, where);
      if (items.length === 2) return [one(items[0]!), second(items[1]!)];
      this.#reader.unexpected(only.value, where, `a list of two: ${what}`);
      return undefined;
    };
    const plain = (item: JsonNode): number => this.#number(item, where, undefined);
    switch (only.key) {
      case 'uniform': {
        const pair = two('from and to');
        return pair && { kind: 'uniform', from: pair[0], to: pair[1] };
      }
      case 'exponential':
        return { kind: 'exponential', mean: one(only.value) };
      case 'normal': {
        const pair = two('mean and standard deviation');
        return pair && { kind: 'normal', mean: pair[0], deviation: pair[1] };
      }
      case 'lognormal': {
        const pair = two('median and sigma, a number', plain);
        return pair && { kind: 'lognormal', median: pair[0], sigma: pair[1] };
      }
      case 'pareto': {
        const pair = two('scale and shape, a number', plain);
        return pair && { kind: 'pareto', scale: pair[0], shape: pair[1] };
      }
      default:
        this.#reader.unknown({ ...only.value, ...only.keySpan }, 'distribution', only.key, kinds);
        return undefined;
    }
  }

  #number(node: JsonNode, where: string, quantity: Quantity | undefined): number {
    const value =
      quantity === undefined
        ? this.#reader.number(node, where, 'a number from 0', (one) => one >= 0)
        : this.#reader.quantity(node, where, quantity);
    return value ?? 0;
  }

  #duration(member: JsonMember | undefined): number | undefined {
    const where = `"${member?.key}" of ${this.#where}`;
    const value = this.#reader.quantity(member?.value, where, quantities.duration);
    return value === undefined ? undefined : Math.round(value);
  }

  /** `"never"`, or after how long; by default as a transport does. */
  #notice(member: JsonMember | undefined): number | undefined {
    if (member === undefined) return NOTICE_NS;
    if (member.value.kind === 'string' && member.value.value === 'never') return undefined;
    return this.#duration(member);
  }

  #truth(member: JsonMember | undefined): boolean | undefined {
    if (member?.value.kind === 'boolean') return member.value.value;
    if (member !== undefined)
      this.#reader.unexpected(member.value, `"${member.key}" of ${this.#where}`, 'true or false');
    return undefined;
  }

  #share(member: JsonMember | undefined): number | undefined {
    return this.#reader.number(member?.value, `"${member?.key}" of ${this.#where}`, shareText, isShare);
  }

  #word<Word extends string>(node: JsonNode, where: string, known: readonly Word[]): Word | undefined {
    const text = this.#reader.string(node, where);
    const found = known.find((one) => one === text);
    if (text !== undefined && found === undefined) this.#reader.unknown(node, where, text, known);
    return found;
  }
}
