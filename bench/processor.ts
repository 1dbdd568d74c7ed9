// Processor time, which a busy machine and a slow disk do not change.

/** Of all threads of this process since `before`, in seconds; `process.cpuUsage()` gives the start. */
export function processorSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
