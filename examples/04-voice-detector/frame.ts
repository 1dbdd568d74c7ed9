// How the detector hears: 16 kHz, frames of 32 ms, each with the end of the one before.

export const SAMPLE_RATE = 16_000;
export const FRAME = 512;
export const CONTEXT = 64;

/** A recording as frames; silence fills up the last one. */
export function framesOf(samples: Int16Array): readonly Int16Array[] {
  return Array.from({ length: Math.ceil(samples.length / FRAME) }, (_, index) => {
    const frame = new Int16Array(FRAME);
    frame.set(samples.subarray(index * FRAME, (index + 1) * FRAME));
    return frame;
  });
}
