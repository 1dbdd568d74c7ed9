// A network that makes do with links as they are: frames are acknowledged and sent again, arrive once, wait while their
// receiver is full; peers that fall silent are given up, and those that misbehave are kept out for a while.
//
// As the rest of the node it has no clock: `advance` tells it the time. Its tables are bounded by the deployment's peers
// and by its options; its memory counts in the node's budget. State: `save`, given back to the factory.

import type { Manifest } from '../../ir/deployment.ts';
import { foldKey, hashName, keyOf } from '../../ir/philox.ts';
import { Deadlines, NEVER } from '../deadlines.ts';
import type { Flow } from '../flow.ts';
import { type FlowId, flowKey } from '../flow-id.ts';
import type { DropReason } from '../io.ts';
import { type Envelope, type EnvelopeInit, ERROR, type Hello } from '../wire/envelope.ts';
import { encodeFrame, type Payload } from '../wire/frame.ts';
import {
  ADAPTIVE,
  commonVersion,
  describeEdge,
  edgesWith,
  mismatchOf,
  nameOfVersions,
  PLAIN,
  typesFor,
  type Versions,
} from './greeting.ts';
import { Shared, savedFrame, type Waiting, waitingOf } from './kept-frame.ts';
import { BYTE_NS, Link, type LinkState } from './link.ts';
import type {
  Change,
  Network,
  NetworkContext,
  NetworkCounters,
  NetworkFactory,
  Parcel,
  PolicyLists,
} from './network.ts';
import { type AdaptiveOptions, adaptiveDefaults } from './options.ts';
import { PeerPolicy, type PolicyState } from './peer-policy.ts';
import type { Kept } from './reliable.ts';
import { Remaining, type RemainingState } from './remaining.ts';

/** What each wrong thing costs of a peer's score; what is not here may happen to the honest. */
const points: Readonly<Partial<Record<DropReason, number>>> = {
  malformed: 5,
  sender: 10,
  binding: 5,
  version: 5,
};
/** Sequences beyond a gap that one acknowledgement names. */
const SELECTIVE = 64;
/** Frames sent again at a time. */
const BURST = 16;
/** Where a frame's head may be longer than what its payloads say. */
const HEAD_BYTES = 512;

interface AdaptiveState {
  readonly now: number;
  readonly beatNs: number | null;
  readonly counters: NetworkCounters;
  readonly policy: PolicyState;
  readonly times: RemainingState;
  readonly changes: readonly Change[];
  /** Of frames that wait. */
  readonly payloads: readonly Uint8Array[];
  readonly links: readonly (readonly [peer: string, LinkState])[];
}

/** In the order in which they came about, so that a restored network goes on in the same. */
const inOrder = (links: Iterable<Link>): readonly Link[] => [...links].sort((a, b) => a.order - b.order);

export const adaptive =
  (options: Partial<AdaptiveOptions> = {}): NetworkFactory =>
  (context, saved) =>
    new Adaptive(context, { ...adaptiveDefaults, ...options }, saved as AdaptiveState | undefined);

class Adaptive implements Network {
  readonly #cx: NetworkContext;
  readonly #options: AdaptiveOptions;
  readonly #manifest: Manifest;
  readonly #times: Remaining;
  readonly #policy: PeerPolicy;
  /** Of peers of the deployment only. */
  readonly #links = new Map<string, Link>();
  readonly #wakeUps = new Deadlines<NonNullable<Link['wakeUp']>>((one) => one.link.wakeUp !== one);
  /** To peers that were told to wait. */
  readonly #paused = new Set<Link>();
  readonly #lost = new Set<Link>();
  /** State of sessions takes what a peer sends in the order in which it did. */
  readonly #hasSessions: boolean;
  #changes: Change[] = [];
  #beatNs: number | null = null;
  #now = 0;
  readonly counters: { -readonly [Name in keyof NetworkCounters]: number } = {
    sent: 0,
    resent: 0,
    control: 0,
    received: 0,
    duplicates: 0,
    givenUp: 0,
    unkept: 0,
    shut: 0,
  };

  constructor(context: NetworkContext, options: AdaptiveOptions, saved: AdaptiveState | undefined) {
    this.#cx = context;
    this.#manifest = context.program.manifest;
    this.#hasSessions = this.#manifest.state.some(({ scope }) => scope === 'session');
    this.#times = new Remaining(context.program, context.flows, saved?.times);
    this.#options = options;
    this.#policy = new PeerPolicy(options.policy, options.seed, saved?.policy);
    context.outbox.watch = (reason, from) => this.#misbehaved(reason, from);
    if (saved !== undefined) this.#restore(saved);
  }

  get next(): number {
    if (this.#beatNs === null && this.#cx.flows.size > 0)
      this.#beatNs = this.#now + this.#options.liveness.heartbeatNs;
    return Math.min(this.#wakeUps.next, this.#beatNs ?? NEVER, this.#times.nextNs);
  }

  advance(now: number): readonly Change[] {
    this.#now = now;
    if (this.#beatNs !== null && this.#beatNs <= now) this.#beat();
    const due: Link[] = [];
    for (let one = this.#wakeUps.due(now); one !== undefined; one = this.#wakeUps.due(now))
      due.push(one.link);
    for (const link of inOrder(due)) this.#tick(link);
    for (const link of inOrder(this.#paused)) if (this.#windowBytes(link.peer) > 0) this.#say(link);
    for (const link of inOrder(this.#lost)) if (link.fields.lostNs <= now) this.#change(link, false);
    this.#changes.push(...this.#times.due(now));
    const changes = this.#changes;
    if (changes.length > 0) this.#changes = [];
    return changes;
  }

  // --- who is let in ---------------------------------------------------------------------------------

  admits(peer: string): boolean {
    if (this.#policy.judge(peer, this.#now) === 'allow') return true;
    this.counters.shut++;
    return false;
  }

  policy(lists: PolicyLists): void {
    this.#policy.set(lists);
  }

  #misbehaved(reason: DropReason, peer: string): void {
    const cost = points[reason];
    if (cost === undefined || peer === this.#cx.peer || !this.#cx.program.members.knows(peer)) return;
    const untilNs = this.#policy.misbehaved(peer, this.#now, cost);
    if (untilNs !== undefined) this.#cx.outbox.event({ kind: 'peer-shut-out', peer, why: reason, untilNs });
  }

  // --- sending ---------------------------------------------------------------------------------------

  share(payloads: readonly Payload[]): Shared | undefined {
    const { leases, limits } = this.#cx;
    return Shared.of(leases, payloads, limits.bytes - leases.bytes);
  }

  send(to: string, parcel: Parcel, shared: Shared | undefined): void {
    const link = this.#linkTo(to);
    if (link === undefined) return;
    this.#post(link, parcel, shared);
    this.#schedule(link);
  }

  #post(link: Link, { envelope, payloads, flow, number }: Parcel, shared: Shared | undefined): void {
    if (link.fields.strange) return this.#refuse(link, 'it speaks no version of ours');
    const own: Waiting = { envelope, shared, payloads: shared?.payloads ?? payloads, flow, number };
    // Errors are told once; a peer that acknowledges nothing gets each frame once.
    if (envelope.error !== undefined || link.plain)
      return this.#put(link, own, link.plain ? ++link.fields.sequence : 0);
    const bytes = HEAD_BYTES + (shared?.buffer.byteLength ?? 0);
    if (shared === undefined) {
      this.counters.unkept++;
      return this.#put(link, own, ++link.fields.sequence);
    }
    // One may be as large as it likes.
    if (!link.out.fits(bytes) && link.out.frames > 0)
      return this.#refuse(link, `${link.out.frames} frames for it wait already`);
    shared.hold();
    link.out.keep(++link.fields.sequence, own, bytes, this.#now);
    this.#pump(link);
  }

  #refuse({ peer }: Link, why: string): void {
    this.counters.givenUp++;
    this.#cx.outbox.drop('unsent', peer, why);
  }

  /** Sends what waits for the first time, as far as the receiver takes it. */
  #pump(link: Link): void {
    for (let one = link.out.ready(); one !== undefined; one = link.out.ready()) this.#transmit(link, one);
  }

  #transmit(link: Link, one: Kept<Waiting>): void {
    link.out.sent(one, this.#now);
    this.#put(link, one.frame, one.sequence, one.tries > 1);
  }

  #put(link: Link, { envelope, payloads, flow, number }: Waiting, sequence: number, again = false): void {
    const remaining = flow && this.#times.leftNs(flow, link.peer, this.#now);
    const more = remaining === undefined || link.plain ? {} : { remainingDeadlineNs: remaining };
    const full = link.plain
      ? { ...envelope, sequence }
      : this.#stamped(link, { ...envelope, ...more, sequence });
    const pieces = encodeFrame(full, payloads);
    this.counters.sent++;
    if (again) this.counters.resent++;
    const about = flow === undefined || number === undefined ? {} : { flow, envelope: number };
    this.#cx.outbox.put({ type: 'send', to: link.peer, pieces, ...about, ...(again && { again }) });
  }

  /** An envelope of its own for what the link has to say. */
  #say(link: Link, probe = 0): void {
    const { peer, incarnation } = this.#cx;
    const base = { deployment: this.#manifest.deployment, sender: peer, incarnation, sequence: 0 };
    this.counters.control++;
    const pieces = encodeFrame(this.#stamped(link, base, probe), []);
    this.#cx.outbox.put({ type: 'send', to: link.peer, pieces });
    this.#schedule(link);
  }

  #stamped(link: Link, envelope: EnvelopeInit, probe = 0): EnvelopeInit {
    const { fields, into, out, rtt } = link;
    const windowBytes = this.#windowBytes(link.peer);
    fields.paused = windowBytes === 0;
    if (fields.paused) this.#paused.add(link);
    else this.#paused.delete(link);
    const report = fields.report ? [rtt.save()] : [];
    const { incarnation, echo, sequence } = fields;
    fields.report = false;
    fields.ackNs = null;
    fields.unacknowledged = fields.echo = 0;
    const acknowledgement = {
      incarnation,
      cumulative: into.cumulative,
      selective: into.selective(SELECTIVE),
    };
    return {
      ...envelope,
      acknowledgements: incarnation === 0 ? [] : [acknowledgement],
      rttReports: report,
      link: {
        oldest: Math.min(out.oldest?.sequence ?? sequence + 1, envelope.sequence || sequence + 1),
        windowBytes,
        probe,
        echo,
        ...(!fields.known && { hello: this.#hello(link) }),
      },
    };
  }

  #hello({ peer, fields }: Link) {
    const [leastVersion, mostVersion] = this.#options.versions;
    const heard = fields.greeted === fields.incarnation ? fields.greeted : 0;
    return { leastVersion, mostVersion, heard, ...typesFor(this.#manifest, peer, this.#options.messages) };
  }

  /** What a peer may have under way to us: half of what is free, shared; nothing once an eighth is left of all, or of its part. */
  #windowBytes(peer: string): number {
    const { limits, leases } = this.#cx;
    const free = Math.min(limits.bytes - leases.bytes, limits.peerBytes - leases.heldFor(peer));
    const most = Math.min(limits.bytes, limits.peerBytes);
    return free * 8 < most ? 0 : Math.floor(free / 2 / Math.max(1, this.#links.size));
  }

  // --- receiving -------------------------------------------------------------------------------------

  receive(from: string, envelope: Envelope): boolean {
    const link = this.#linkTo(from);
    if (link === undefined || envelope.incarnation < link.fields.incarnation) return true;
    this.counters.received++;
    const wanted = this.#take(link, envelope);
    this.#schedule(link);
    return wanted;
  }

  #take(link: Link, envelope: Envelope): boolean {
    const { fields, live, out } = link;
    if (envelope.incarnation > fields.incarnation) link.renew(envelope.incarnation);
    live.heard(this.#now);
    fields.losses = 0;
    if (fields.lostNs > 0) this.#change(link, false);
    const { link: said, sequence } = envelope;
    const versions: Versions = said?.hello
      ? [said.hello.leastVersion, said.hello.mostVersion]
      : [PLAIN, PLAIN];
    if (said === undefined || said.hello !== undefined) this.#agree(link, versions);
    if (fields.strange) {
      if (envelope.error === undefined) this.#cx.outbox.drop('version', link.peer, nameOfVersions(versions));
      return envelope.error !== undefined;
    }
    if (said?.hello !== undefined) this.#greet(link, said.hello);
    else fields.known = true;
    if (said === undefined || link.plain) return true;
    link.acknowledged(this.#now, envelope, this.#cx.incarnation);
    out.window = said.windowBytes;
    for (const { peer, smoothedNs, variationNs } of envelope.rttReports)
      if (peer === '') link.rtt.report(smoothedNs, variationNs);
    if (said.echo !== 0 && said.echo === fields.probe) {
      link.sample(this.#now - fields.probeNs);
      fields.probe = fields.tries = 0;
      // What left before the question and is not acknowledged with the answer is lost.
      for (const one of out.overdue(fields.probeNs - 1, BURST)) this.#transmit(link, one);
    }
    if (said.probe !== 0) {
      fields.echo = said.probe;
      link.owe(this.#now);
    }
    link.into.skip(said.oldest);
    const { flow, remainingDeadlineNs: left } = envelope;
    // The way here took its part of the time that was left, and the news takes as much to be back.
    if (flow !== undefined && left !== undefined)
      this.#times.told(flow, link.peer, this.#now + left - Math.min(link.rtt.tripNs, Math.floor(left / 2)));
    const wanted = sequence === 0 || this.#first(link, sequence, envelope.step > 0 && this.#hasSessions);
    this.#resend(link);
    this.#pump(link);
    return wanted;
  }

  /** Whether a frame is here for the first time. Every second is acknowledged at once, as is what was heard before. */
  #first(link: Link, sequence: number, inOrder: boolean): boolean {
    const verdict = link.into.take(sequence, inOrder);
    const soon = verdict === 'new' && ++link.fields.unacknowledged < 2;
    link.owe(soon ? this.#now + this.#options.ackDelayNs : this.#now);
    if (verdict !== 'new') this.counters.duplicates++;
    return verdict === 'new';
  }

  #agree(link: Link, theirs: Versions): void {
    const { fields, peer } = link;
    const ours = this.#options.versions;
    const version = commonVersion(ours, theirs);
    if (version === undefined) {
      const message = `it speaks wire version ${nameOfVersions(theirs)}, we speak ${nameOfVersions(ours)}`;
      if (!fields.strange) {
        this.#cx.outbox.event({ kind: 'mismatch', peer, what: 'version', message });
        this.#cx.tell(peer, { code: ERROR.versionUnknown, message });
      }
      fields.strange = true;
    } else if (fields.version !== version) {
      fields.version = version;
      fields.strange = false;
      if (link.plain) this.#unload(link);
    }
  }

  /** A peer that acknowledges nothing: what waits leaves once, nothing is kept. */
  #unload(link: Link): void {
    for (const one of link.out.giveUp(() => true)) {
      if (one.tries === 0) this.#put(link, one.frame, one.sequence);
      one.frame.shared?.drop();
    }
  }

  #greet(link: Link, hello: Hello): void {
    const { fields, peer } = link;
    fields.known = hello.heard === this.#cx.incarnation;
    // It waits to hear of us.
    if (!fields.known && !link.plain) link.owe(this.#now);
    if (fields.greeted === fields.incarnation) return;
    fields.greeted = fields.incarnation;
    const wrong = mismatchOf(this.#manifest, peer, this.#options.messages, hello);
    if (wrong === undefined) return;
    const { edge, message } = wrong;
    this.#cx.outbox.event({ kind: 'mismatch', peer, what: 'type', message });
    this.#cx.tell(peer, { code: ERROR.typeUnknown, message, ...(edge !== undefined && { edge }) });
  }

  describe(peer: string, edge: number): string {
    return describeEdge(this.#manifest, peer, edge);
  }

  // --- time ------------------------------------------------------------------------------------------

  #linkTo(peer: string): Link | undefined {
    const known = this.#links.get(peer);
    if (known !== undefined || !this.#cx.program.members.knows(peer)) return known;
    const link = new Link(peer, this.#links.size, this.#options, this.#about(peer), this.#now);
    if (this.#options.versions[1] < ADAPTIVE) link.fields.version = PLAIN;
    this.#links.set(peer, link);
    return link;
  }

  /** What is the link's alone. A value under way holds up signs of life. */
  #about(peer: string) {
    const edges = [...edgesWith(this.#manifest, peer).values()];
    const slackNs = edges.reduce((sum, { bytes }) => sum + (bytes ?? 0) * BYTE_NS, 0);
    return { key: foldKey(keyOf(this.#options.seed), hashName(this.#cx.peer)), slackNs };
  }

  found(peer: string): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    link.fields.tries = 0;
    for (const one of link.out.overdue(this.#now, BURST)) this.#transmit(link, one);
    this.#schedule(link);
  }

  uselessNs(flow: Flow, wait: number): number {
    return this.#times.uselessNs(flow, wait);
  }

  owed(flow: FlowId): readonly string[] {
    const key = flowKey(flow);
    const isOf = (one: Waiting): boolean => one.flow !== undefined && flowKey(one.flow) === key;
    return [...this.#links.values()].flatMap(({ peer, out }) => (out.holds(isOf) ? [peer] : []));
  }

  #schedule(link: Link): void {
    const at = link.nextNs;
    if (link.wakeUp?.at === at) return;
    link.wakeUp = at === NEVER ? undefined : { link, at };
    if (link.wakeUp === undefined) return;
    this.#wakeUps.add(at, link.wakeUp);
    this.#wakeUps.tidy(4 * this.#links.size + 64);
  }

  #tick(link: Link): void {
    link.wakeUp = undefined;
    const { fields, out, live } = link;
    const old = this.#now - this.#options.keepNs;
    for (const { frame } of out.giveUp(({ keptNs }) => keptNs <= old)) {
      frame.shared?.drop();
      this.#refuse(link, `it has not acknowledged a frame for ${this.#options.keepNs / 1e9} s`);
    }
    this.#resend(link);
    this.#pump(link);
    if (link.stalled && fields.nextProbeNs <= this.#now) this.#probe(link);
    if (fields.ackNs !== null && fields.ackNs <= this.#now) this.#say(link);
    if (fields.watched && fields.lostNs === 0 && live.suspectNs <= this.#now) this.#suspect(link);
    this.#schedule(link);
  }

  /** Sends again what is overdue: after a pause, or once something is heard that does not speak of it. */
  #resend(link: Link): void {
    const { fields, out } = link;
    if (link.resendNs > this.#now) return;
    for (const one of out.overdue(link.overdueNs(this.#now), BURST)) this.#transmit(link, one);
    fields.tries++;
  }

  #probe(link: Link): void {
    const { fields } = link;
    fields.probe = ++fields.probes;
    fields.probeNs = this.#now;
    fields.nextProbeNs = this.#now + Math.max(link.rtt.rtoNs, this.#options.liveness.heartbeatNs);
    this.#say(link, fields.probe);
  }

  /** Asks those who are waited for, and have been silent, whether they are there. */
  #beat(): void {
    const { heartbeatNs } = this.#options.liveness;
    const open = this.#cx.flows.size > 0;
    const awaited = new Set(open ? this.#times.awaited() : []);
    for (const link of this.#links.values()) {
      if (!link.fields.watched || awaited.has(link.peer)) continue;
      link.fields.watched = false;
      this.#schedule(link);
    }
    for (const peer of awaited) {
      const link = peer === this.#cx.peer ? undefined : this.#linkTo(peer);
      if (link === undefined || link.plain || link.fields.strange) continue;
      if (!link.fields.watched) link.live.resume(this.#now);
      link.fields.watched = true;
      if (this.#now - link.live.lastNs >= heartbeatNs / 2 || link.live.lastNs === this.#now)
        this.#probe(link);
      this.#schedule(link);
    }
    this.#beatNs = open ? this.#now + heartbeatNs : null;
  }

  #suspect(link: Link): void {
    const silentNs = this.#now - link.live.lastNs;
    this.#cx.outbox.event({ kind: 'peer-suspected', peer: link.peer, silentNs });
    this.#change(link, true);
  }

  /** Given up for a while: who waits for it then finds out anew. */
  #change(link: Link, lost: boolean): void {
    const { fields, peer } = link;
    const { cooldownNs, longestNs } = this.#options.policy;
    fields.lostNs = lost
      ? this.#now + Math.min(cooldownNs * 2 ** Math.min(fields.losses++, 40), longestNs)
      : 0;
    fields.watched = false;
    if (lost) this.#lost.add(link);
    else this.#lost.delete(link);
    this.#changes.push({ peer, lost });
  }

  // --- snapshots -------------------------------------------------------------------------------------

  save(): AdaptiveState {
    const shared: Shared[] = [];
    const links = [...this.#links].map(([peer, link]): [string, LinkState] => {
      const { fields, rtt, live, into, out } = link;
      const takes = out.window === NEVER ? null : out.window;
      const kept = out.save().map((one) => ({ ...one, frame: savedFrame(one.frame, shared) }));
      const parts = { rtt: rtt.save(), live: live.save(), into: into.save(), out: kept };
      return [peer, { fields: { ...fields }, takes, ...parts }];
    });
    return {
      now: this.#now,
      beatNs: this.#beatNs,
      counters: { ...this.counters },
      policy: this.#policy.save(),
      times: this.#times.save(),
      changes: this.#changes.filter((one) => 'peer' in one),
      payloads: shared.map(({ buffer }) => new Uint8Array(buffer.slice(0))),
      links,
    };
  }

  #restore({ now, beatNs, counters, changes, payloads, links }: AdaptiveState): void {
    this.#now = now;
    this.#beatNs = beatNs;
    this.#changes = [...changes];
    const shared = payloads.map((bytes) => new Shared(this.#cx.leases, bytes.slice().buffer, []));
    Object.assign(this.counters, counters);
    for (const [peer, state] of links) {
      const kept = state.out.map((one) => ({ ...one, frame: waitingOf(one.frame, shared) }));
      const link = new Link(peer, this.#links.size, this.#options, this.#about(peer), now, state, kept);
      this.#links.set(peer, link);
      if (link.fields.lostNs > 0) this.#lost.add(link);
      if (link.fields.paused) this.#paused.add(link);
      this.#schedule(link);
    }
  }
}
