// The codecs that strategies are compared in, and which way values cross in them.

import type { Link, Topology } from '../../ir/index.ts';

export const codecs = ['none', 'float16', 'int8', 'topk'] as const;
export type CodecName = (typeof codecs)[number];

/** What a strategy says itself of what it sends. */
export const topK = { kind: 'top-k', share: 0.01 } as const;

const kinds: Readonly<Record<CodecName, string | undefined>> = {
  none: undefined,
  float16: 'float16',
  int8: 'int8',
  topk: 'top-k share=0.01',
};

/** What is said of a codec in a table. */
export const titles: Readonly<Record<CodecName, string>> = {
  none: 'none',
  float16: 'float16',
  int8: 'int8',
  topk: 'top-k 1 %',
};

/**
 * A topology on whose links values cross in this codec, whatever it said of codecs itself: both ways, or, where it is for
 * differences, only the ways on which strategies send some.
 */
export function inCodec(
  topology: Topology,
  codec: CodecName,
  hasDifferences: (from: string, to: string) => boolean,
): Topology {
  const kind = kinds[codec];
  const crosses = (from: string, to: string): boolean => codec !== 'topk' || hasDifferences(from, to);
  const links = (topology.links ?? everyPair(topology)).map(({ upCodec: _, downCodec: __, ...link }) => {
    if (kind === undefined) return link;
    const [from, to] = link.between;
    return {
      ...link,
      ...(crosses(from, to) && { upCodec: kind }),
      ...(crosses(to, from) && { downCodec: kind }),
    };
  });
  return { ...topology, links };
}

/** Without links every pair is linked without cost; now it is said, since a codec is of a link. */
const everyPair = ({ classes }: Topology): readonly Link[] =>
  classes.flatMap(({ name }, index) =>
    classes.slice(index).map((other) => ({
      between: [name, other.name] as const,
      latencyNs: 0,
      upBytesPerSecond: undefined,
      downBytesPerSecond: undefined,
      loss: 0,
    })),
  );
