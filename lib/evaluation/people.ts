// Whose photos an evaluation is about: a folder with one folder a person, or a CSV.
import { readdir, stat } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { Arc2FaceError, shortened } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import { columnsOf, readRows } from './rows.ts';

/** A file, and what reports call it: its path from the folder, or as the CSV has it, which is its `list`. */
export type ListedImage = Readonly<{ name: string; file: string; list?: string }>;

/** A person; the first photo in which a face is found is the one that portraits are painted from. */
export type Person = Readonly<{ name: string; images: readonly ListedImage[] }>;

/** Photos as cameras and data sets have them. */
const extensions = ['jpg', 'jpeg', 'jfif', 'png', 'webp', 'avif', 'heic', 'heif', 'gif', 'tif', 'tiff', 'jp2', 'jxl'];
const leastPeople = 2;
const longestName = 200;

/**
 * @param path - a folder in which each folder has the photos of one person, taken in the order of their names; or a CSV file with the
 *   columns `person` and `file` (relative to it), taken in its order
 * @returns at least two people, by name; and folders without a photo
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be read; `INVALID_ARGUMENT` for a CSV without these columns, names that are no names of
 *   folders, or fewer people
 */
export async function readPeople(path: string): Promise<{ people: Person[]; empty: string[] }> {
	const isCsv = extname(path).toLowerCase() === '.csv';
	const found = await onDisk(isCsv ? 'read' : 'read the folder', path, () => stat(path));
	const { people, empty } = found.isDirectory() ? await readFolders(path) : { people: await readCsv(path), empty: [] };
	if (people.length >= leastPeople) return { people, empty };
	throw invalidPeople(
		path,
		`Expected photos of at least ${leastPeople} people in ${path} but found ${people.length}.`,
		layout,
	);
}

const layout = 'Pass a folder with one folder of photos a person, or a CSV with the columns person and file.';

/**
 * Portraits that others made: of each person the images in the folder of that name.
 *
 * @returns a person for each name that has images, in the same order; and folders that belong to nobody
 */
export async function readPortraits(
	folder: string,
	people: readonly Pick<Person, 'name'>[],
): Promise<{ portraits: ReadonlyMap<string, readonly ListedImage[]>; unknown: readonly string[] }> {
	const { people: found } = await readFolders(folder);
	const names = new Set(people.map(({ name }) => name));
	const known = found.filter(({ name }) => names.has(name));
	const unknown = found.filter(({ name }) => !names.has(name)).map(({ name }) => name);
	if (known.length < leastPeople) {
		throw invalidPeople(
			folder,
			`Expected portraits of at least ${leastPeople} of the people in ${folder} but found those of ${known.length}.`,
			'It has one folder a person, named as the people are.',
		);
	}
	return { portraits: new Map(known.map(({ name, images }) => [name, images])), unknown };
}

async function readFolders(folder: string): Promise<{ people: Person[]; empty: string[] }> {
	const people: Person[] = [];
	const empty: string[] = [];
	for (const name of await foldersIn(folder)) {
		const names = await onDisk('read', join(folder, name), () => readdir(join(folder, name)));
		const images = names
			.filter((file) => !file.startsWith('.') && extensions.includes(extname(file).slice(1).toLowerCase()))
			.sort(byCode)
			.map((file) => ({ name: `${name}/${file}`, file: join(folder, name, file) }));
		if (images.length > 0) people.push({ name, images });
		else empty.push(name);
	}
	return { people, empty };
}

/** Also those that are links. */
async function foldersIn(folder: string): Promise<string[]> {
	const entries = await onDisk('read the folder', folder, () => readdir(folder));
	const isFolder = async (name: string) => (await stat(join(folder, name)).catch(() => undefined))?.isDirectory();
	const kinds = await Promise.all(entries.map(async (name) => !name.startsWith('.') && (await isFolder(name))));
	return entries.filter((_, i) => kinds[i]).sort(byCode);
}

async function readCsv(path: string): Promise<Person[]> {
	const people = new Map<string, ListedImage[]>();
	for await (const { record, line } of readRows(path, layout)) {
		const { person, file } = record;
		if (person === undefined || file === undefined) {
			throw invalidPeople(path, `Expected the columns person and file in ${path} but found ${columnsOf(record)}.`);
		}
		const where = `line ${line} of ${path}`;
		if (person === '' || file === '') throw invalidPeople(path, `Expected a person and a file in ${where}.`);
		requireFolderName(person, where, path);
		const images = people.get(person) ?? [];
		images.push({ name: file, file: isAbsolute(file) ? file : join(dirname(path), file), list: path });
		people.set(person, images);
	}
	return [...people].map(([name, images]) => ({ name, images })).sort((a, b) => byCode(a.name, b.name));
}

/** Portraits are written to folders of these names. */
function requireFolderName(name: string, where: string, path: string): void {
	const isName = !/[<>:"/\\|?*]|\p{Cc}|^\.|[. ]$/u.test(name) && Buffer.byteLength(name) <= longestName;
	if (isName) return;
	throw invalidPeople(
		path,
		`Expected a name that a folder may have for the person in ${where} but received ${JSON.stringify(shortened(name))}.`,
	);
}

/** The same in every language. */
function byCode(a: string, b: string): number {
	return a < b ? -1 : Number(a > b);
}

function invalidPeople(file: string, problem: string, remedy?: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { file: resolve(file) } });
}
