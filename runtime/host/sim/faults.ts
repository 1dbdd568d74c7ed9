// Faults of a simulated world, scripted or drawn from its seed: checked plans, and what makes them happen.

import type { Station } from '../../../ir/routes.ts';
import type { Chance, Distribution } from './chance.ts';
import { draw } from './chance.ts';
import { Liars } from './liars.ts';
import type { Condition, LinkFault } from './network.ts';
import type { SimPeer, World } from './world.ts';

/** Which peers a fault is about; of those that match, a share or a number is drawn. Absent fields: all. */
export interface Selection {
  /** Peer ids, and classes. */
  readonly names?: readonly string[] | undefined;
  readonly share?: number | undefined;
  readonly count?: number | undefined;
}

export interface Timing {
  /** When it begins, or from when on it may. Default: at once. */
  readonly atNs?: number | undefined;
  /** It begins again and again, so long after it was over; at each peer by itself. */
  readonly everyNs?: Distribution | undefined;
  /** Absent: for good. */
  readonly forNs?: Distribution | undefined;
  /** No more begins after that. */
  readonly untilNs?: number | undefined;
}

export interface Lies {
  /** Shares of the frames that it sends: with a byte changed, followed by an old one, not sent at all. */
  readonly corrupt?: number | undefined;
  readonly replay?: number | undefined;
  readonly withhold?: number | undefined;
  /** Nothing proves that it is who its frames say. */
  readonly unproven?: boolean | undefined;
}

export type Fault = Timing &
  (
    | {
        readonly kind: 'crash';
        readonly who: Selection;
        /** `fresh`: with nothing. `restored`: from what it had kept. */
        readonly restart: 'fresh' | 'restored';
        /** After how long others are told that it is gone; undefined: never. */
        readonly noticeNs: number | undefined;
      }
    /** It says goodbye; with `forNs` it comes back, with nothing. */
    | { readonly kind: 'leave'; readonly who: Selection }
    /** It is not there before. */
    | { readonly kind: 'join'; readonly who: Selection }
    | { readonly kind: 'slow'; readonly who: Selection; readonly factor: Distribution }
    | {
        readonly kind: 'link';
        /** In both directions; one selection: all links of these peers; none: every link. */
        readonly between: readonly Selection[];
        readonly fault: LinkFault;
      }
    /** Peers of different groups do not reach each other. */
    | {
        readonly kind: 'partition';
        readonly groups: readonly Selection[];
        readonly noticeNs: number | undefined;
      }
    | { readonly kind: 'lie'; readonly who: Selection; readonly lies: Lies }
  );

export interface FaultPlan {
  readonly faults: readonly Fault[];
}

/** What a crash means beyond the world itself. */
export interface FaultHooks {
  /** Its node is gone, with all that it had open. */
  lost(peer: SimPeer): void;
}

/** Whether some peer shall come back from what it had kept. */
export const needsDurability = ({ faults }: FaultPlan): boolean =>
  faults.some((one) => one.kind === 'crash' && one.restart === 'restored');

/** Puts all faults of a plan on the world's agenda. */
export function scheduleFaults(world: World, plan: FaultPlan, hooks: FaultHooks): void {
  const scheduler = new Scheduler(world, hooks);
  for (const [index, fault] of plan.faults.entries())
    scheduler.add(fault, world.chance.for(`fault/${index}`));
}

/** Something that begins and ends. */
interface Spell {
  readonly what: string;
  begin(): void;
  end(): void;
}

class Scheduler {
  readonly #world: World;
  readonly #hooks: FaultHooks;
  readonly #liars: Liars;
  /** Peers that are down, and why. */
  readonly #downBy = new Map<SimPeer, Fault>();

  constructor(world: World, hooks: FaultHooks) {
    this.#world = world;
    this.#hooks = hooks;
    this.#liars = new Liars(world);
  }

  add(fault: Fault, chance: Chance): void {
    switch (fault.kind) {
      case 'crash':
        for (const peer of this.#select(fault.who, chance))
          this.#spell(fault, chance.for(peer.id), this.#crash(peer, fault));
        return;
      case 'leave':
        for (const peer of this.#select(fault.who, chance))
          this.#spell(fault, chance.for(peer.id), this.#absence(peer, fault, 'leaves', 0));
        return;
      case 'join':
        for (const peer of this.#select(fault.who, chance)) {
          const { begin, end } = this.#absence(peer, fault, 'joins', 0);
          begin();
          this.#world.plan(fault.atNs ?? 0, `${peer.id} joins`, end);
        }
        return;
      case 'slow':
        for (const peer of this.#select(fault.who, chance))
          this.#spell(fault, chance.for(peer.id), this.#slow(peer, fault.factor, chance.for(peer.id)));
        return;
      case 'lie':
        for (const peer of this.#select(fault.who, chance))
          this.#spell(fault, chance.for(peer.id), {
            what: `${peer.id} lies`,
            begin: () => this.#liars.begin(peer, fault.lies),
            end: () => this.#liars.end(peer),
          });
        return;
      case 'link':
        return this.#spell(fault, chance, this.#link(fault, chance));
      case 'partition':
        return this.#spell(fault, chance, this.#partition(fault, chance));
    }
  }

  /** In the world's order; where some are drawn, of those that are not `taken`. */
  #select(
    { names, share, count }: Selection,
    chance: Chance,
    taken?: ReadonlyMap<string, unknown>,
  ): readonly SimPeer[] {
    const wanted = names && new Set(names);
    const matching = [...this.#world.peers.values()].filter(
      ({ id, classes }) => wanted === undefined || wanted.has(id) || classes.some((own) => wanted.has(own)),
    );
    const many = count ?? (share === undefined ? undefined : Math.round(share * matching.length));
    if (many === undefined) return matching;
    return chance.some(taken === undefined ? matching : matching.filter(({ id }) => !taken.has(id)), many);
  }

  /** Once, or again and again. */
  #spell({ atNs, everyNs, forNs, untilNs }: Timing, chance: Chance, spell: Spell): void {
    const world = this.#world;
    const begin = (at: number): void => {
      if (untilNs !== undefined && at > untilNs) return;
      world.plan(at, spell.what, () => {
        spell.begin();
        if (forNs === undefined) return;
        const until = at + Math.max(1, Math.round(draw(forNs, chance)));
        world.plan(until, `${spell.what}: over`, () => {
          spell.end();
          if (everyNs !== undefined) begin(until + pause(everyNs));
        });
      });
    };
    const pause = (every: Distribution): number => Math.max(1, Math.round(draw(every, chance)));
    begin((atNs ?? 0) + (everyNs === undefined ? 0 : pause(everyNs)));
  }

  #crash(peer: SimPeer, fault: Extract<Fault, { kind: 'crash' }>): Spell {
    const { restart, noticeNs } = fault;
    if (restart === 'fresh') return this.#absence(peer, fault, 'crashes', noticeNs);
    const world = this.#world;
    return {
      what: `${peer.id} crashes`,
      begin: () => {
        if (this.#takeDown(peer, fault)) world.stop(peer);
      },
      end: () => {
        if (this.#mayRise(peer, fault)) world.recover(peer);
      },
    };
  }

  /** Whether it is this fault that takes the peer down: another may have. */
  #takeDown(peer: SimPeer, fault: Fault): boolean {
    if (this.#downBy.has(peer)) return false;
    this.#downBy.set(peer, fault);
    return true;
  }

  #mayRise(peer: SimPeer, fault: Fault): boolean {
    return this.#downBy.get(peer) === fault && this.#downBy.delete(peer);
  }

  #absence(peer: SimPeer, fault: Fault, what: string, noticeNs: number | undefined): Spell {
    const world = this.#world;
    return {
      what: `${peer.id} ${what}`,
      begin: () => {
        if (!this.#takeDown(peer, fault)) return;
        world.stop(peer);
        this.#hooks.lost(peer);
        const { incarnation } = peer;
        const gone = (): boolean => peer.node === undefined && peer.incarnation === incarnation;
        if (noticeNs !== undefined)
          world.plan(world.now + noticeNs, `${peer.id} is missed`, () => {
            if (gone())
              for (const one of world.neighboursOf(peer)) world.give(one, { type: 'lost', peer: peer.id });
          });
      },
      end: () => {
        if (!this.#mayRise(peer, fault)) return;
        world.start(peer);
        for (const one of world.neighboursOf(peer)) world.give(one, { type: 'found', peer: peer.id });
      },
    };
  }

  #slow(peer: SimPeer, factor: Distribution, chance: Chance): Spell {
    return {
      what: `${peer.id} slows down`,
      begin: () => {
        peer.slowness = Math.max(0, draw(factor, chance));
      },
      end: () => {
        peer.slowness = 1;
      },
    };
  }

  #link({ between, fault }: Extract<Fault, { kind: 'link' }>, chance: Chance): Spell {
    const ends = between.map((one) => new Set(this.#select(one, chance).map(({ id }) => id)));
    const [first, second = first] = ends;
    const about = (from: Station, to: Station): boolean => {
      if (first === undefined) return true;
      if (ends.length === 1) return first.has(from.id) || first.has(to.id);
      return (first.has(from.id) && second!.has(to.id)) || (second!.has(from.id) && first.has(to.id));
    };
    return this.#condition('links fail', { about, fault });
  }

  #condition(what: string, condition: Condition): Spell {
    const { network } = this.#world;
    return { what, begin: () => network.begin(condition), end: () => network.end(condition) };
  }

  #partition({ groups, noticeNs }: Extract<Fault, { kind: 'partition' }>, chance: Chance): Spell {
    const world = this.#world;
    const groupOf = new Map<string, number>();
    for (const [index, one] of groups.entries())
      for (const { id } of this.#select(one, chance, groupOf)) groupOf.set(id, index);
    const apart = (a: Station, b: Station): boolean => {
      const [one, other] = [groupOf.get(a.id), groupOf.get(b.id)];
      return one !== undefined && other !== undefined && one !== other;
    };
    const { what, begin, end } = this.#condition('a partition', { about: apart });
    const tell = (type: 'lost' | 'found'): void => {
      for (const peer of world.peers.values())
        for (const other of world.neighboursOf(peer))
          if (apart(peer, other)) world.give(other, { type, peer: peer.id });
    };
    let spell = 0;
    return {
      what,
      begin: () => {
        begin();
        const own = ++spell;
        if (noticeNs === undefined) return;
        world.plan(world.now + noticeNs, 'a partition is noticed', () => {
          if (own === spell) tell('lost');
        });
      },
      end: () => {
        end();
        spell++;
        tell('found');
      },
    };
  }
}
