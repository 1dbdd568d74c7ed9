import { describe, expect, test } from 'vitest';
import { edgeLimits } from '../../runtime/index.ts';
import { attacks, underAttack } from '../support/attacks.ts';

describe.each([true, false])('an attacked node, its network adaptive: %s', (network) => {
  test.each(attacks)('%s: it holds no more than it may, tells of it, and serves the other peer', (attack) => {
    const outcome = underAttack({ attack, network, bytes: attack === 'largest' ? 3e7 : 3e6, calls: 40 });
    expect(outcome.heldBytes).toBeLessThanOrEqual(edgeLimits.bytes + edgeLimits.frameBytes);
    expect(outcome.answered).toBe(outcome.calls);
    if (attack === 'garbage') expect(outcome.told).toBe(outcome.frames);
    else if (attack !== 'deaf') expect(outcome.told).toBeGreaterThan(0);
    if (attack !== 'deaf') return;
    // Who never acknowledges is told of by what waits for it; over an adaptive network also by what it is not sent.
    expect(outcome.asked).toBeGreaterThan(50);
    expect(outcome.named).toBe(outcome.asked);
    if (network) expect(outcome.told).toBeGreaterThan(0);
  });
});
