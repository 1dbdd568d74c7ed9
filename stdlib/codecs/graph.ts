// What goes with codecs in a program: graph, recorded like any other. The codecs themselves are components.

export { type Arrived, type DeltaOptions, delta } from './delta.ts';
export { asReceived, type CodecAt, type FeedbackOptions, type Sendable, withFeedback } from './feedback.ts';
export { largest } from './largest.ts';
