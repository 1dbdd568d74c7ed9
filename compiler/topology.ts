// topology.json: from text to the checked form, with every problem pointed at in the file.

import {
  codecOptions,
  type DataBinding,
  type Diagnostic,
  diagnostic,
  hasErrors,
  type Link,
  type Peer,
  type PeerClass,
  type PlaceRule,
  RAW,
  type Topology,
} from '../ir/index.ts';
import { readComponents } from './components.ts';
import { FieldReader } from './fields.ts';
import type { JsonMember, JsonNode } from './json.ts';
import { checkRule } from './rules/rule.ts';
import { quantities } from './units.ts';

export const TOPOLOGY_VERSION = 1;
const DEFAULT_BACKEND = 'onnxruntime';
/** Bounds the table of members that a `count` makes, and those of all classes together. */
const MAX_COUNT = 100_000;
const objectives = ['latency', 'throughput', 'bytes', 'energy'] as const;
/** "/" separates a member's number from its class, so no class name has it. */
const CLASS_NAME = /^[A-Za-z][\w.-]*$/;
const PEER_NAME = /^[^\s\p{Cc}]{1,200}$/u;

interface NamedPeer extends Peer {
  readonly span: { readonly start: number; readonly end: number };
}

/** The topology in `text`; undefined if a diagnostic is an error. `file` is the name that diagnostics show. */
export function parseTopology(
  text: string,
  file: string,
): { topology?: Topology; diagnostics: readonly Diagnostic[] } {
  const reader = new FieldReader(file, text);
  const root = reader.document();
  if (root === undefined) return { diagnostics: reader.diagnostics };
  const fields = reader.object(root, 'the topology', {
    $schema: {},
    version: { required: `"version": ${TOPOLOGY_VERSION}` },
    classes: { required: '"classes": { "server": {} }' },
    peers: {},
    links: {},
    place: {},
    objective: {},
  });
  reader.number(fields.version?.value, '"version"', `${TOPOLOGY_VERSION}`, (one) => one === TOPOLOGY_VERSION);
  const named = readPeers(reader, fields.peers?.value, classNames(fields.classes));
  const classes = readClasses(reader, fields.classes?.value, named);
  checkShared(reader, classes, named, fields.classes?.value);
  const peers = memberTable(reader, classes, named, fields.classes?.value);
  const links = fields.links && readLinks(reader, fields.links.value, classes, peers);
  const topology: Topology = {
    file,
    text,
    classes,
    peers,
    links,
    rules: readRules(reader, fields.place?.value, classes, peers),
    objective: readObjective(reader, fields.objective),
  };
  const diagnostics = reader.inFileOrder();
  return hasErrors(diagnostics) ? { diagnostics } : { topology, diagnostics };
}

/** Peers `p0` … `p{count-1}`, each a class of its own, linked without cost. */
export function chainTopology(count: number, backend = DEFAULT_BACKEND): Topology {
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  return {
    file: 'chain',
    text: '',
    classes: names.map((name) => ({
      name,
      members: [name],
      cohort: false,
      shared: false,
      memoryBytes: undefined,
      flops: undefined,
      backend,
      components: [],
    })),
    peers: names.map((name) => ({ id: name, classes: [name], addresses: [] })),
    links: undefined,
    rules: [],
    objective: 'latency',
  };
}

const classNames = (classes: JsonMember | undefined): readonly string[] =>
  classes?.value.kind === 'object' ? classes.value.members.map((member) => member.key) : [];

function readPeers(
  reader: FieldReader,
  node: JsonNode | undefined,
  classes: readonly string[],
): readonly NamedPeer[] {
  const peers: NamedPeer[] = [];
  for (const member of (node && reader.members(node, '"peers"'))?.members ?? []) {
    const where = `peer "${member.key}"`;
    if (!PEER_NAME.test(member.key)) {
      const key: JsonNode = { kind: 'string', value: member.key, ...member.keySpan };
      reader.unexpected(key, 'the name of a peer', 'up to 200 characters without spaces');
    }
    const fields = reader.object(member.value, where, {
      class: { required: '"class": "…", one of the topology\'s classes' },
      address: {},
    });
    const own = readPeerClasses(reader, fields.class?.value, where, classes);
    if (own === undefined) continue;
    const addresses = reader
      .items(fields.address?.value, `the address of ${where}`)
      .map((item) => reader.string(item, `an address of ${where}`))
      .filter((address) => address !== undefined);
    peers.push({ id: member.key, classes: own, addresses, span: member.keySpan });
  }
  return peers;
}

/** One, or a list; undefined: one of them is not there. */
function readPeerClasses(
  reader: FieldReader,
  node: JsonNode | undefined,
  where: string,
  classes: readonly string[],
): readonly string[] | undefined {
  const items = node?.kind === 'array' ? node.items : node === undefined ? [] : [node];
  if (node?.kind === 'array' && items.length === 0)
    reader.unexpected(node, `the class of ${where}`, 'a class, or a list of classes');
  const own = new Set<string>();
  for (const item of items) {
    const name = reader.string(item, `the class of ${where}`, 'a class, or a list of classes');
    if (name === undefined) continue;
    if (!classes.includes(name)) {
      reader.unknown(item, 'class', name, classes);
      return undefined;
    }
    if (own.has(name)) reader.duplicate(item, `class "${name}" of ${where}`);
    own.add(name);
  }
  return classes.filter((name) => own.has(name));
}

function readClasses(
  reader: FieldReader,
  node: JsonNode | undefined,
  named: readonly NamedPeer[],
): readonly PeerClass[] {
  if (node === undefined) return [];
  const object = reader.members(node, '"classes"');
  if (object?.members.length === 0) reader.unexpected(node, '"classes"', 'an object with at least one class');
  const taken = new Set(named.map((peer) => peer.id));
  const namedOf = new Map<string, string[]>();
  for (const { classes: all, id } of named)
    for (const of of all) namedOf.set(of, [...(namedOf.get(of) ?? []), id]);
  let room = MAX_COUNT;
  const folders = new Set(['plan.json']);
  return (object?.members ?? []).map((member) => {
    const { key: name, keySpan } = member;
    const where = `class "${name}"`;
    if (!CLASS_NAME.test(name)) {
      const key: JsonNode = { kind: 'string', value: name, ...keySpan };
      reader.unexpected(key, 'the name of a class', 'letters, digits, "_", "-" and ".", a letter first');
    }
    // Each class gets a folder of its name beside plan.json, also where file names have no case.
    const folder = name.toLowerCase();
    if (folders.has(folder)) {
      const key: JsonNode = { kind: 'string', value: name, ...keySpan };
      reader.unexpected(
        key,
        'the name of a class',
        'one of its own (case does not count, "plan.json" is taken)',
      );
    }
    folders.add(folder);
    const fields = reader.object(member.value, where, {
      count: {},
      memory: {},
      compute: {},
      backend: {},
      components: {},
    });
    const own = namedOf.get(name) ?? [];
    const count = reader.number(
      fields.count?.value,
      `the count of ${where}`,
      `a whole number from 1 to ${MAX_COUNT}`,
      (value) => Number.isInteger(value) && value >= 1 && value <= MAX_COUNT,
    );
    if (count !== undefined && count < own.length) {
      const args = { name, count, named: own.length };
      reader.report(diagnostic('BB407', args, reader.context(fields.count!.value)));
    }
    const wanted = Math.max(count ?? 1, own.length);
    if (wanted > room) {
      const context = reader.context(fields.count?.value ?? member.keySpan);
      reader.report(diagnostic('BB110', { what: 'peers in all classes', limit: MAX_COUNT }, context));
    }
    const members = wanted > room ? own : memberIds(name, own, count, taken);
    room -= Math.min(room, wanted);
    const memory = reader.quantity(fields.memory?.value, `the memory of ${where}`, quantities.memory);
    const flops = reader.quantity(fields.compute?.value, `the compute of ${where}`, quantities.compute);
    if (flops === 0) reader.unexpected(fields.compute!.value, `the compute of ${where}`, 'more than nothing');
    return {
      name,
      members,
      cohort: count !== undefined || own.length > 1,
      shared: named.some((peer) => peer.classes.length > 1 && peer.classes.includes(name)),
      memoryBytes: memory === undefined ? undefined : Math.floor(memory),
      flops,
      backend: reader.string(fields.backend?.value, `the backend of ${where}`) ?? DEFAULT_BACKEND,
      components: readComponents(reader, fields.components?.value, where),
    };
  });
}

/** Named peers first, then `phone/0`, `phone/1` …, leaving out numbers that a named peer took. */
function memberIds(
  className: string,
  named: readonly string[],
  count: number | undefined,
  taken: ReadonlySet<string>,
): readonly string[] {
  if (count === undefined) return named.length > 0 ? named : [className];
  const ids = [...named];
  for (let number = 0; ids.length < count; number++) {
    const id = `${className}/${number}`;
    if (!taken.has(id)) ids.push(id);
  }
  return ids;
}

/** Every peer once, class by class. A class without named peers has one of its own name, which may be taken. */
function memberTable(
  reader: FieldReader,
  classes: readonly PeerClass[],
  named: readonly NamedPeer[],
  node: JsonNode | undefined,
): readonly Peer[] {
  const byId = new Map<string, Peer>(named.map(({ span: _, ...peer }) => [peer.id, peer]));
  const keys = node?.kind === 'object' ? node.members : [];
  const peers = new Map<string, Peer>();
  for (const [index, { name, members }] of classes.entries())
    for (const id of members) {
      const peer = byId.get(id);
      if (peer !== undefined && !peer.classes.includes(name)) {
        const of = peer.classes.join('" and "');
        reader.duplicate(
          keys[index]!.keySpan,
          `peer "${id}" (of class "${of}", and the member of "${name}")`,
        );
      }
      peers.set(id, peer ?? { id, classes: [name], addresses: [] });
    }
  return [...peers.values()];
}

/** A peer has one backend, and its programs share components by name: its classes must agree on both. */
function checkShared(
  reader: FieldReader,
  classes: readonly PeerClass[],
  named: readonly NamedPeer[],
  node: JsonNode | undefined,
): void {
  const keys = node?.kind === 'object' ? node.members : [];
  for (const { id, classes: own } of named) {
    const [first, ...others] = classes.filter(({ name }) => own.includes(name));
    for (const one of others) {
      const what = disagreement(first!, one);
      const args = { peer: id, first: first!.name, second: one.name, what: what ?? '' };
      const key = keys[classes.indexOf(one)]!.keySpan;
      if (what !== undefined) reader.report(diagnostic('BB419', args, reader.context(key)));
    }
  }
}

function disagreement(a: PeerClass, b: PeerClass): string | undefined {
  if (a.backend !== b.backend) return 'backend';
  const both = a.components.flatMap((one) =>
    b.components.filter(({ name }) => name === one.name).map((other) => [one, other] as const),
  );
  // What says which part is a member's says another in each class.
  const isOwn = (one: DataBinding): boolean =>
    one.shard !== undefined || JSON.stringify(one).includes('{index}');
  const differing = both.find(([one, other]) => isOwn(one) || JSON.stringify(one) !== JSON.stringify(other));
  return differing && `component "${differing[0]!.name}"`;
}

function readLinks(
  reader: FieldReader,
  node: JsonNode,
  classes: readonly PeerClass[],
  peers: readonly Peer[],
): readonly Link[] {
  const ends = new Set([...classes.map((one) => one.name), ...peers.map((peer) => peer.id)]);
  const seen = new Set<string>();
  const links: Link[] = [];
  for (const item of reader.items(node, '"links"')) {
    const fields = reader.object(item, 'a link', {
      between: { required: '"between": ["…", "…"], two classes or peers' },
      latency: {},
      up: {},
      down: {},
      loss: {},
      codec: {},
    });
    const pair = fields.between && readEnds(reader, fields.between.value, ends);
    if (pair !== undefined) {
      const key = [...pair].sort().join(' ');
      if (seen.has(key)) {
        reader.duplicate(fields.between!.value, `the link between "${pair[0]}" and "${pair[1]}"`);
      }
      seen.add(key);
    }
    const latency = reader.quantity(fields.latency?.value, 'the latency of a link', quantities.duration);
    links.push({
      between: pair ?? ['', ''],
      latencyNs: Math.round(latency ?? 0),
      upBytesPerSecond: readBandwidth(reader, fields.up, 'up'),
      downBytesPerSecond: readBandwidth(reader, fields.down, 'down'),
      loss:
        reader.number(
          fields.loss?.value,
          'the loss of a link',
          'a share from 0 to 1',
          (value) => value >= 0 && value <= 1,
        ) ?? 0,
      ...(fields.codec && readCodecs(reader, fields.codec.value, pair, classes)),
    });
  }
  return links;
}

/** One for both directions, or one for each. */
function readCodecs(
  reader: FieldReader,
  node: JsonNode,
  between: Link['between'] | undefined,
  classes: readonly PeerClass[],
): Pick<Link, 'upCodec' | 'downCodec'> {
  // An edge has one codec, and joins classes.
  if (between?.some((end) => !classes.some(({ name }) => name === end)))
    reader.unexpected(node, '"codec" of a link', 'on a link between two classes');
  if (node.kind !== 'object') {
    const both = readCodec(reader, node, '"codec" of a link');
    return both === undefined ? {} : { upCodec: both, downCodec: both };
  }
  if (between !== undefined && between[0] === between[1])
    reader.unexpected(node, '"codec" of a link', 'one text where both ends are of one class');
  const { up, down } = reader.object(node, '"codec" of a link', { up: {}, down: {} });
  const upCodec = readCodec(reader, up?.value, '"up" of a codec');
  const downCodec = readCodec(reader, down?.value, '"down" of a codec');
  return { ...(upCodec !== undefined && { upCodec }), ...(downCodec !== undefined && { downCodec }) };
}

function readCodec(reader: FieldReader, node: JsonNode | undefined, where: string): string | undefined {
  const expected = 'a kind of codec and its settings, such as "int8 block=64"';
  const name = reader.string(node, where, expected);
  if (name === undefined || name === RAW) return undefined;
  if (codecOptions(name) !== undefined) return name;
  reader.unexpected(node!, where, expected);
  return undefined;
}

function readBandwidth(
  reader: FieldReader,
  field: JsonMember | undefined,
  direction: string,
): number | undefined {
  const rate = reader.quantity(field?.value, `"${direction}" of a link`, quantities.bandwidth);
  if (rate === 0) reader.unexpected(field!.value, `"${direction}" of a link`, 'more than nothing');
  return rate;
}

function readEnds(
  reader: FieldReader,
  node: JsonNode,
  known: ReadonlySet<string>,
): readonly [string, string] | undefined {
  const items = reader.items(node, '"between"');
  if (node.kind === 'array' && items.length !== 2) {
    reader.unexpected(node, '"between"', 'a list of two classes or peers');
  }
  const names = items.map((item) => {
    const name = reader.string(item, 'an end of a link', 'the name of a class or a peer');
    if (name !== undefined && !known.has(name) && !reader.full)
      reader.unknown(item, 'class or peer', name, [...known]);
    return name;
  });
  const [first, second] = names;
  return names.length === 2 && first !== undefined && second !== undefined ? [first, second] : undefined;
}

function readRules(
  reader: FieldReader,
  node: JsonNode | undefined,
  classes: readonly PeerClass[],
  peers: readonly Peer[],
): readonly PlaceRule[] {
  const rules: PlaceRule[] = [];
  const names: Names = {
    classes: new Map(classes.map((one) => [one.name, one])),
    peers: new Map(peers.map((one) => [one.id, one])),
  };
  for (const item of reader.items(node, '"place"')) {
    const fields = reader.object(item, 'a placement rule', {
      where: { required: '"where": "op:Softmax", which ops' },
      on: { required: '"on": "…", a class' },
    });
    const where = reader.string(fields.where?.value, '"where" of a placement rule');
    const on = reader.string(fields.on?.value, '"on" of a placement rule', 'the name of a class');
    if (where === undefined || on === undefined) continue;
    const rule = {
      where,
      on: ruleClass(reader, fields.on!.value, on, names),
      at: reader.position(fields.where!.value.start),
      onAt: reader.position(fields.on!.value.start),
    };
    for (const problem of checkRule(rule, reader.text)) reader.report(problem);
    rules.push(rule);
  }
  return rules;
}

interface Names {
  readonly classes: ReadonlyMap<string, PeerClass>;
  readonly peers: ReadonlyMap<string, Peer>;
}

/** The class a rule places on: named, or that of a peer which is its only member. */
function ruleClass(reader: FieldReader, node: JsonNode, on: string, { classes, peers }: Names): string {
  if (classes.has(on)) return on;
  const peer = peers.get(on);
  if (peer === undefined) {
    if (!reader.full)
      reader.unknown(node, 'class or peer', on, [...new Set([...classes.keys(), ...peers.keys()])]);
    return on;
  }
  const alone = peer.classes.filter((name) => !classes.get(name)!.cohort);
  if (alone.length !== 1) {
    const className = peer.classes.find((name) => !alone.includes(name)) ?? peer.classes[0]!;
    reader.report(diagnostic('BB409', { peer: on, className }, reader.context(node)));
  }
  return alone[0] ?? peer.classes[0]!;
}

function readObjective(reader: FieldReader, field: JsonMember | undefined): Topology['objective'] {
  const name = reader.string(field?.value, '"objective"');
  const known = objectives.find((one) => one === name);
  if (name !== undefined && known === undefined) {
    reader.unknown(field!.value, 'objective', name, objectives);
  }
  return known ?? 'latency';
}
