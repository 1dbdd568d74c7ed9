// Glob patterns: `*` stands for any characters, `?` for one, everything else for itself.

/** Whether the whole of `text` matches. Time is at most the product of the two lengths. */
export function matchesGlob(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  // Where to go on after the last star if what follows it does not match: one character further.
  let starAt = -1;
  let resumeAt = 0;
  while (t < text.length) {
    if (g < glob.length && glob[g] === '*') {
      starAt = g++;
      resumeAt = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (starAt >= 0) {
      g = starAt + 1;
      t = ++resumeAt;
    } else return false;
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
