// Faults by name, for any deployment: they name no peers.

export const presets = {
  /** Everything that a network nobody owns does to peers, at once. */
  chaos: {
    version: 1,
    faults: [
      {
        kind: 'link',
        loss: 0.03,
        duplicate: 0.02,
        reorder: { share: 0.05, by: { uniform: ['1ms', '500ms'] } },
      },
      { kind: 'link', latency: { lognormal: ['5ms', 1] } },
      {
        kind: 'crash',
        who: { share: 0.34 },
        every: { exponential: '10s' },
        for: { uniform: ['1s', '30s'] },
        notice: '5s',
      },
      { kind: 'crash', every: { exponential: '2min' }, for: { uniform: ['1s', '20s'] }, restart: 'restored' },
      { kind: 'slow', who: { share: 0.2 }, factor: { uniform: [2, 20] } },
      {
        kind: 'partition',
        groups: [{ share: 0.3 }, { share: 0.3 }],
        every: { exponential: '60s' },
        for: { uniform: ['1s', '20s'] },
        notice: '5s',
      },
      { kind: 'lie', who: { share: 0.1 }, corrupt: 0.02, replay: 0.02, withhold: 0.02 },
    ],
  },
  /** A phone network: lost frames, and one peer in five is slow. */
  phones: {
    version: 1,
    faults: [
      { kind: 'link', loss: 0.05, latency: { lognormal: ['20ms', 0.5] } },
      { kind: 'slow', who: { share: 0.2 }, factor: { uniform: [4, 10] } },
    ],
  },
  /** Three peers in ten compute ten to fifty times as long, and some frames are long on their way. */
  stragglers: {
    version: 1,
    faults: [
      { kind: 'slow', who: { share: 0.3 }, factor: { uniform: [10, 50] } },
      { kind: 'link', latency: { pareto: ['5ms', 1.5] } },
    ],
  },
  /** Every peer goes now and then, and comes back with what it had kept: a quarter of the time it is away. */
  churn: {
    version: 1,
    faults: [
      {
        kind: 'crash',
        every: { exponential: '30s' },
        for: { exponential: '10s' },
        restart: 'restored',
        notice: '2s',
      },
    ],
  },
  /** For half a minute two halves do not reach each other. */
  partition: {
    version: 1,
    faults: [
      {
        kind: 'partition',
        groups: [{ share: 0.5 }, { share: 0.5 }],
        at: '15s',
        for: '30s',
        notice: '2s',
      },
    ],
  },
} as const;

export const isPreset = (name: string): name is keyof typeof presets => Object.hasOwn(presets, name);
