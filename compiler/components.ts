// "components" of a class in topology.json: what fills the slots of its members.

import type { CsvField, DataBinding, DataFiles, Part, Sharding, Shuffle } from '../ir/index.ts';
import type { FieldReader } from './fields.ts';
import type { JsonMember, JsonNode } from './json.ts';

type Fields = Readonly<Record<string, JsonMember | undefined>>;

const KINDS = ['idx', 'npz', 'csv', 'images'] as const;
const own = {
  idx: { files: { required: '"files": { "image": "images.idx" }, a file for each field' } },
  npz: { file: { required: '"file": "train.npz"' }, fields: {} },
  csv: { file: { required: '"file": "train.csv"' }, fields: {}, separator: {} },
  images: { folder: { required: '"folder": "pictures"' }, labels: {}, channels: {}, layout: {} },
};
const common = { kind: {}, part: {}, shard: {}, shuffle: {} };
/** Types that a column of a CSV file may be read as. */
const CSV_TYPES = ['float32', 'float64', 'int64', 'int32', 'uint8', 'bool', 'string'] as const;

/** Reports every problem; what is wrong is left out. */
export function readComponents(
  reader: FieldReader,
  node: JsonNode | undefined,
  peerClass: string,
): readonly DataBinding[] {
  const members = (node && reader.members(node, `the components of ${peerClass}`))?.members ?? [];
  return members.flatMap((member) => new Component(reader, member, peerClass).read() ?? []);
}

class Component {
  readonly #reader: FieldReader;
  readonly #name: string;
  readonly #node: JsonNode;
  readonly #where: string;

  constructor(reader: FieldReader, { key, value }: JsonMember, peerClass: string) {
    this.#reader = reader;
    this.#name = key;
    this.#node = value;
    this.#where = `component "${key}" of ${peerClass}`;
  }

  read(): DataBinding | undefined {
    const object = this.#reader.members(this.#node, this.#where);
    if (object === undefined) return undefined;
    const kindNode = object.members.find(({ key }) => key === 'kind')?.value;
    const kind = kindNode && this.#word(kindNode, `the kind of ${this.#where}`, KINDS);
    if (kindNode === undefined)
      this.#reader.object(this.#node, this.#where, {
        kind: { required: '"kind": "idx", npz, csv or images' },
      });
    if (kind === undefined) return undefined;
    const fields = this.#reader.object(this.#node, this.#where, { ...common, ...own[kind] });
    const files = this.#files(kind, fields);
    const part = fields.part && this.#part(fields.part.value);
    const shard = fields.shard && this.#sharding(fields.shard.value);
    const shuffle = fields.shuffle && this.#shuffle(fields.shuffle.value);
    if (files === undefined) return undefined;
    return {
      name: this.#name,
      files,
      ...(part && { part }),
      ...(shard && { shard }),
      ...(shuffle && { shuffle }),
    };
  }

  #files(kind: (typeof KINDS)[number], fields: Fields): DataFiles | undefined {
    switch (kind) {
      case 'idx': {
        const files = this.#texts(fields.files?.value, 'files');
        return files && { kind, files };
      }
      case 'npz': {
        const file = this.#text(fields.file?.value, 'file');
        const names = this.#texts(fields.fields?.value, 'fields');
        return file === undefined ? undefined : { kind, file, ...(names && { fields: names }) };
      }
      case 'csv': {
        const file = this.#text(fields.file?.value, 'file');
        const columns = fields.fields && this.#csvFields(fields.fields.value);
        const separator = this.#text(fields.separator?.value, 'separator') ?? ',';
        if (separator.length !== 1)
          this.#reader.unexpected(
            fields.separator!.value,
            `the separator of ${this.#where}`,
            'one character',
          );
        return file === undefined
          ? undefined
          : { kind, file, separator, ...(columns && { fields: columns }) };
      }
      case 'images': {
        const folder = this.#text(fields.folder?.value, 'folder');
        const labels = this.#text(fields.labels?.value, 'labels');
        const channels = this.#number(
          fields.channels?.value,
          'channels',
          '1 or 3',
          (n) => n === 1 || n === 3,
        );
        const layout =
          fields.layout && this.#word(fields.layout.value, `the layout of ${this.#where}`, ['chw', 'hwc']);
        if (folder === undefined) return undefined;
        const how = { channels: channels === 1 ? 1 : 3, layout: layout ?? 'chw' } as const;
        return { kind, folder, ...how, ...(labels !== undefined && { labels }) };
      }
    }
  }

  #csvFields(node: JsonNode): Readonly<Record<string, CsvField>> | undefined {
    const object = this.#reader.members(node, `"fields" of ${this.#where}`);
    if (object === undefined) return undefined;
    return Object.fromEntries(
      object.members.flatMap(({ key, value }) => {
        const field = this.#csvField(key, value);
        return field === undefined ? [] : [[key, field]];
      }),
    );
  }

  /** `"label"`, `["x", "y"]`, or an object with `columns`, `dtype` and `classes`. */
  #csvField(name: string, node: JsonNode): CsvField | undefined {
    const where = `field "${name}" of ${this.#where}`;
    if (node.kind !== 'object') {
      const columns = this.#columns(node, where);
      return columns && { ...columns, dtype: 'float32' };
    }
    const fields = this.#reader.object(node, where, {
      columns: { required: '"columns": ["x", "y"]' },
      dtype: {},
      classes: {},
    });
    const columns = fields.columns && this.#columns(fields.columns.value, where);
    const dtype = fields.dtype && this.#word(fields.dtype.value, `the dtype of ${where}`, CSV_TYPES);
    const classes = fields.classes && {
      classes: this.#list(fields.classes.value, `the classes of ${where}`),
    };
    return columns && { ...columns, dtype: dtype ?? (classes ? 'int64' : 'float32'), ...classes };
  }

  #columns(node: JsonNode, where: string): Pick<CsvField, 'columns' | 'many'> | undefined {
    if (node.kind === 'array') return { columns: this.#list(node, where), many: true };
    const column = this.#reader.string(node, where, 'the name of a column, or a list of them');
    return column === undefined ? undefined : { columns: [column], many: false };
  }

  #list(node: JsonNode, where: string): readonly string[] {
    return this.#reader
      .items(node, where)
      .flatMap((item) => this.#reader.string(item, `an element of ${where}`) ?? []);
  }

  #part(node: JsonNode): Part | undefined {
    const where = `"part" of ${this.#where}`;
    const fields = this.#reader.object(node, where, {
      take: { required: '"take": "train", or test' },
      share: { required: '"share": 0.2, what is for testing' },
      seed: { required: '"seed": 1' },
    });
    const take = fields.take && this.#word(fields.take.value, `"take" of ${where}`, ['train', 'test']);
    const share = this.#reader.number(
      fields.share?.value,
      `"share" of ${where}`,
      'a share from 0 to 1',
      (value) => value >= 0 && value <= 1,
    );
    const seed = this.#seed(fields.seed?.value, where);
    return take === undefined || share === undefined || seed === undefined
      ? undefined
      : { take, share, seed };
  }

  #sharding(node: JsonNode): Sharding | undefined {
    const where = `"shard" of ${this.#where}`;
    const by = node.kind === 'object' ? node.members.find(({ key }) => key === 'by')?.value : undefined;
    const how = by && this.#word(by, `"by" of ${where}`, ['iid', 'label', 'dirichlet']);
    const seedField = {
      by: { required: '"by": "iid", label or dirichlet' },
      seed: { required: '"seed": 1' },
    };
    const labelField = { ...seedField, label: { required: '"label": "label", the field that sorts' } };
    const fields = this.#reader.object(node, where, {
      ...(how === 'iid' ? seedField : labelField),
      ...(how === 'label' && { pieces: {} }),
      ...(how === 'dirichlet' && { alpha: { required: '"alpha": 0.5' }, atLeast: {} }),
    });
    const seed = this.#seed(fields.seed?.value, where);
    if (seed === undefined || how === undefined) return undefined;
    if (how === 'iid') return { by: how, seed };
    const label = this.#reader.string(fields.label?.value, `"label" of ${where}`);
    if (label === undefined) return undefined;
    const whole = (field: JsonMember | undefined, name: string): number | undefined =>
      this.#reader.number(
        field?.value,
        `"${name}" of ${where}`,
        'a whole number from 1',
        (value) => Number.isSafeInteger(value) && value >= 1,
      );
    if (how === 'label') {
      const pieces = whole(fields.pieces, 'pieces');
      return { by: how, seed, label, ...(pieces !== undefined && { pieces }) };
    }
    const atLeast = whole(fields.atLeast, 'atLeast');
    const alpha = this.#reader.number(
      fields.alpha?.value,
      `"alpha" of ${where}`,
      'a number from 0.001',
      (value) => value >= 0.001,
    );
    if (alpha === undefined) return undefined;
    return { by: how, seed, label, alpha, ...(atLeast !== undefined && { atLeast }) };
  }

  #shuffle(node: JsonNode): Shuffle | undefined {
    const where = `"shuffle" of ${this.#where}`;
    const fields = this.#reader.object(node, where, { seed: { required: '"seed": 1' } });
    const seed = this.#seed(fields.seed?.value, where);
    return seed === undefined ? undefined : { seed };
  }

  #seed(node: JsonNode | undefined, where: string): number | undefined {
    const isSeed = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
    return this.#reader.number(node, `"seed" of ${where}`, 'a whole number from 0', isSeed);
  }

  #number(
    node: JsonNode | undefined,
    name: string,
    expected: string,
    valid: (value: number) => boolean,
  ): number | undefined {
    return this.#reader.number(node, `"${name}" of ${this.#where}`, expected, valid);
  }

  #text(node: JsonNode | undefined, name: string): string | undefined {
    return this.#reader.string(node, `"${name}" of ${this.#where}`);
  }

  #texts(node: JsonNode | undefined, name: string): Readonly<Record<string, string>> | undefined {
    const object = node && this.#reader.members(node, `"${name}" of ${this.#where}`);
    if (object === undefined) return undefined;
    return Object.fromEntries(
      object.members.flatMap(({ key, value }) => {
        const text = this.#text(value, key);
        return text === undefined ? [] : [[key, text]];
      }),
    );
  }

  #word<const Word extends string>(node: JsonNode, where: string, words: readonly Word[]): Word | undefined {
    const text = this.#reader.string(node, where);
    const found = words.find((word) => word === text);
    if (text !== undefined && found === undefined) this.#reader.unknown(node, 'word', text, words);
    return found;
  }
}
