// Reads Prometheus' text format 0.0.4, strictly: what it does not know is an error.

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By the text of the labels. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const sample = new RegExp(
  `^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)\\})? ([-+]?[0-9.eE+-]+|[+-]Inf|NaN)$`,
);
const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`);

export function readPrometheus(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  for (const line of text.slice(0, -1).split('\n')) {
    const [, what, of, rest] = comment.exec(line) ?? [];
    if (what === 'HELP') {
      if (families.has(of!)) throw new Error(`${of} comes twice`);
      families.set(of!, { type: '', help: rest!, samples: new Map() });
    } else if (what === 'TYPE') {
      if (!['counter', 'gauge'].includes(rest!)) throw new Error(`type ${rest}`);
      families.get(of!)!.type = rest!;
    } else {
      const [, name, labels = '', value] = sample.exec(line) ?? [];
      const family = families.get(name ?? '');
      if (family === undefined || family.samples.has(labels)) throw new Error(`line ${line}`);
      family.samples.set(labels, Number(value!.replace('Inf', 'Infinity')));
    }
  }
  return families;
}
