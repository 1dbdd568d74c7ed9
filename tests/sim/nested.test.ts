import { expect, test } from 'vitest';
import { plain } from '../support/deploy.ts';
import program, { topology } from '../support/programs/two-tier-federated.ts';
import { simulatedWorld, topologyIn } from '../support/simulated.ts';

test('runs', async () => {
  const world = await simulatedWorld(program, topologyIn(topology));
  const results: unknown[] = [];
  const result = await world.deployment.invoke({}, { onFlow: (r) => results.push(plain(r.outputs.w)) });
  console.log(JSON.stringify(result.causes), result.status, JSON.stringify(results));
  const s = await world.deployment.state();
  console.log(Object.entries(s).map(([k, v]) => [k, plain(v.trained ?? v.w)]));
});
