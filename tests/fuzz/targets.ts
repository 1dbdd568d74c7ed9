// Everything that is given bytes or texts from outside.

import type { Target } from './harness.ts';
import { bundle } from './targets/bundle.ts';
import { chunks } from './targets/chunks.ts';
import { codecs } from './targets/codecs.ts';
import { configs } from './targets/config.ts';
import { envelopes } from './targets/envelope.ts';
import { nodes } from './targets/node.ts';
import { conformance, onnx } from './targets/onnx.ts';
import { rules } from './targets/rules.ts';
import { tensors } from './targets/tensors.ts';
import { texts } from './targets/text.ts';
import { topologies } from './targets/topology.ts';

export const targets: readonly Target[] = [
  onnx,
  conformance,
  topologies,
  rules,
  envelopes,
  nodes,
  tensors,
  bundle,
  configs,
  texts,
  codecs,
  chunks,
];
