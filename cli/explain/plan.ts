// Why a plan is as it is.

import type { ExplainOptions } from '../commands/explain.ts';
import type { CommandContext } from '../context.ts';
import { inspectSource } from '../inspect/inspect.ts';

export async function explainPlan(cx: CommandContext, what: string, _options: ExplainOptions): Promise<void> {
  await inspectSource(cx, what);
}
