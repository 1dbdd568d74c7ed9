// Shows what a run waits for: when somebody asks, when nothing has come out for a while, and before Ctrl-C ends it.

import { constants } from 'node:os';
import { rootsFirst, type WaitReport, waitLines, waitText } from '../runtime/host/observe/waiting.ts';
import type { CommandContext } from './context.ts';

/** By which somebody asks: Ctrl-\, on Windows Ctrl-Break; Ctrl-T too where terminals have it. */
export const WAITING_SIGNALS = (['SIGQUIT', 'SIGINFO', 'SIGBREAK'] as const).filter(
  (name) => name in constants.signals && (name !== 'SIGQUIT' || process.platform !== 'win32'),
);

const TICK_MS = 1000;
/** Nothing has come out for so long: then it is said what for. */
const SILENCE_MS = 3000;

export const showWaits = (cx: CommandContext, reports: readonly WaitReport[]): void => {
  for (const line of reports.length === 0 ? ['nothing is waited for'] : waitLines(reports)) cx.note(line);
};

export class WaitWatch {
  readonly #cx: CommandContext;
  readonly #waiting: () => Promise<readonly WaitReport[]>;
  readonly #endsOnInterrupt: boolean;
  readonly #timer: NodeJS.Timeout;
  readonly #show = (): void => void this.show();
  #since = performance.now();
  #hooked = false;

  /** `endsOnInterrupt`: nobody else says what Ctrl-C does. */
  constructor(cx: CommandContext, waiting: () => Promise<readonly WaitReport[]>, endsOnInterrupt: boolean) {
    this.#cx = cx;
    this.#waiting = waiting;
    this.#endsOnInterrupt = endsOnInterrupt;
    this.#timer = setInterval(() => void this.#tick(), TICK_MS).unref();
    for (const signal of WAITING_SIGNALS) process.on(signal, this.#show);
  }

  /** Something came out. */
  touch(): void {
    this.#since = performance.now();
    this.#unhook();
  }

  async show(): Promise<void> {
    showWaits(this.#cx, await this.#waiting());
  }

  dispose(): void {
    clearInterval(this.#timer);
    for (const signal of WAITING_SIGNALS) process.off(signal, this.#show);
    this.#unhook();
  }

  async #tick(): Promise<void> {
    const silentMs = performance.now() - this.#since;
    if (silentMs < SILENCE_MS) return;
    this.#hook();
    const reports = await this.#waiting();
    const [first] = rootsFirst(reports);
    if (first === undefined) return;
    const more = reports.length === 1 ? '' : ` (and ${reports.length - 1} more: Ctrl-\\ shows them)`;
    this.#cx.progress(`${Math.round(silentMs / 1e3)} s: ${waitText(first)}${more}`);
  }

  /**
   * Only once the timer has fired: where all is computed in this thread, signals that have a listener are not heard before
   * the end, and Ctrl-C must work there, too.
   */
  #hook(): void {
    if (this.#hooked) return;
    this.#hooked = true;
    process.on('SIGINT', this.#interrupt);
  }

  #unhook(): void {
    this.#hooked = false;
    process.off('SIGINT', this.#interrupt);
  }

  readonly #interrupt = async (): Promise<void> => {
    this.#unhook();
    // Peers of other processes may not answer any more.
    const patience = new Promise<void>((resolve) => setTimeout(resolve, TICK_MS));
    await Promise.race([this.show(), patience]).catch(() => {});
    if (this.#endsOnInterrupt) process.kill(process.pid, 'SIGINT');
  };
}
