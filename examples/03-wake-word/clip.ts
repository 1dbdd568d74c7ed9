// How long a clip is, and what the three models make of it.

export const SAMPLE_RATE = 16_000;
/** Three seconds. */
export const SAMPLES = 48_000;
/** Mel frames: windows of 512 samples, every 160. */
export const FRAMES = Math.floor((SAMPLES - 512) / 160) + 1;
/** Windows of 76 frames, every 8. */
export const EMBEDDINGS = Math.floor((FRAMES - 76) / 8) + 1;
/** Spans of 16 embeddings, each one further. */
export const SCORES = EMBEDDINGS - 16 + 1;

/** Seconds from the beginning of a recording to the last sample that score `index` has heard. */
export const timeOfScore = (index: number): number =>
  ((8 * index + 76 + 8 * 15 - 1) * 160 + 512) / SAMPLE_RATE;

/** A recording as clips whose scores follow each other without a gap; silence fills up the last one. */
export function clipsOf(samples: Int16Array): readonly Int16Array[] {
  const step = SCORES * 8 * 160;
  const count = 1 + Math.max(0, Math.ceil((samples.length - SAMPLES) / step));
  return Array.from({ length: count }, (_, index) => {
    const clip = new Int16Array(SAMPLES);
    clip.set(samples.subarray(index * step, index * step + SAMPLES));
    return clip;
  });
}
