// Folders of pictures: a folder for each class, or a CSV file that names the label of each picture.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DataFiles } from '../../../ir/index.ts';
import { type Cell, readTable } from '../csv.ts';
import { type ImageFile, images } from '../images.ts';
import type { Source } from '../source.ts';
import { namesIn, readText } from './read.ts';

type ImageFolder = Extract<DataFiles, { kind: 'images' }>;

const isImage = (name: string): boolean => /\.(png|jpe?g)$/i.test(name);

/** Throws DiagnosticError: BB770 for what cannot be read, BB772 for lines of the labels, BB773 for pictures. */
export async function openImages(folder: ImageFolder, base: string): Promise<Source> {
  const name = path.join(base, folder.folder);
  const files = folder.labels === undefined ? byClass(name) : byLabels(folder, base, name);
  return images(name, files, folder);
}

const imageFile = (file: string, label: number): ImageFile => ({
  name: file,
  label,
  read: () => readFileSync(path.resolve(file)),
});

/** The folders of `name` are classes 0, 1 … in the order of their names; records are in the order of the files'. */
function byClass(name: string): readonly ImageFile[] {
  return namesIn(name)
    .filter(({ isFolder }) => isFolder)
    .flatMap((folder, label) =>
      namesIn(path.join(name, folder.name))
        .filter((one) => !one.isFolder && isImage(one.name))
        .map((one) => imageFile(path.join(name, folder.name, one.name), label)),
    );
}

/** Records in the order of the lines. Labels are whole numbers. */
function byLabels({ labels }: ImageFolder, base: string, name: string): readonly ImageFile[] {
  const table = readTable(readText(base, labels!), ',');
  const there = new Set(namesIn(name).map((one) => one.name));
  const place = (column: string): number => {
    const found = table.header.indexOf(column);
    const top: Cell = { text: '', start: 0, length: 1, line: 1 };
    if (found === -1) table.wrong(top, `there is no column ${column}; the columns are file and label`);
    return found;
  };
  const [file, label] = [place('file'), place('label')];
  const files = table.rows.flatMap((row) => {
    const [picture, number] = [row[file], row[label]];
    if (picture === undefined || number === undefined) return [];
    if (!there.has(picture.text)) table.wrong(picture, `there is no picture ${picture.text} in ${name}`);
    if (!/^\d{1,9}$/.test(number.text))
      table.wrong(number, `label: "${number.text}" is no whole number from 0`);
    return [imageFile(path.join(name, picture.text), Number(number.text))];
  });
  table.problems.check();
  return files;
}
