// Who belongs to which group: labels of people that the user gives, in a CSV file. None is guessed.
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Arc2FaceError, shortened } from '../errors.ts';
import type { Person } from '../evaluation/people.ts';
import { readRows } from '../evaluation/rows.ts';
import { sha256 } from '../files/digests.ts';
import { onDisk } from '../files/on-disk.ts';

/** A way to divide all people into groups. */
export type Division = Readonly<{
	/** The column's name. */
	name: string;
	/** In the order in which they first occur in the file. */
	labels: readonly string[];
	/** Of each person, the index of its label. */
	labelOf: readonly number[];
}>;

export type Groups = Readonly<{
	/** The file's name. */
	source: string;
	/** SHA-256 of the file. */
	digest: string;
	divisions: readonly Division[];
}>;

/** A column with more tells people apart, not groups. */
const mostLabels = 50;
/** Of names in a message. */
const mostNamed = 3;
const layout =
	'Pass a CSV with a column person (or file, a photo of the person) and one column for each way to divide people, with a label in every row.';

/**
 * @param path - a CSV file: the column `person`, or `file` as the photos are called, and one or more of labels
 * @param people - all of whom there are photos, each of whom has to have a label in every column
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, saying in which line and column; `FILE_FAILED`
 */
export async function readGroups(path: string, people: readonly Person[]): Promise<Groups> {
	let columns: Columns | undefined;
	const rows = readRows(path, layout, (names) => {
		columns = columnsIn(names, path);
	});
	const places = new Map<string, Set<number>>();
	const add = (name: string, place: number) => places.set(name, (places.get(name) ?? new Set()).add(place));
	const known = new Map<number, { labels: readonly string[]; line: number }>();
	const strangers: string[] = [];
	for await (const { record, line } of rows) {
		const { key, names } = columns!;
		if (places.size === 0) {
			for (const [place, { name, images }] of people.entries())
				for (const one of key === 'person' ? [name] : images.map((image) => image.name)) add(one, place);
		}
		const labels = names.map((name) => record[name]!);
		const unlabelled = [key, ...names].find((name) => record[name] === '');
		if (unlabelled !== undefined) {
			const remedy = unlabelled === key ? layout : withoutLabel;
			throw invalid(path, `Expected a value for ${shown(unlabelled)} in line ${line} of ${path}.`, remedy);
		}
		const named = places.get(record[key]!);
		if (named === undefined) strangers.push(record[key]!);
		for (const place of named ?? []) {
			const before = known.get(place);
			if (before?.labels.some((label, i) => label !== labels[i])) {
				const who = shown(people[place]!.name);
				const lines = `lines ${before.line} and ${line} of ${path}`;
				throw invalid(path, `Expected the same labels of ${who} in ${lines} but they differ.`, whole);
			}
			known.set(place, { labels, line });
		}
	}
	if (columns === undefined) throw invalid(path, `Expected labels of people in ${path} but it is empty.`, layout);
	const { key, names } = columns;
	if (strangers.length > 0) {
		const what = key === 'person' ? 'Nobody in the photos is' : 'No photo is';
		throw invalid(path, `${what} called ${listed(strangers)}, as ${path} has it.`, 'Names are those of the photos.');
	}
	const missing = people.filter((_, place) => !known.has(place)).map(({ name }) => name);
	if (missing.length > 0) throw invalid(path, `Expected labels of ${listed(missing)} in ${path}.`, withoutLabel);
	return {
		source: basename(resolve(path)),
		digest: sha256(await onDisk('read', path, () => readFile(path))),
		divisions: names.map((name, column) => divisionOf(name, column, { known, path })),
	};
}

const whole = 'Groups are of people: each has one label in a column.';
const withoutLabel =
	'Everybody in the photos needs a label in every column. Where it is not known, one such as “unknown” says so.';

type Columns = Readonly<{ key: 'person' | 'file'; names: readonly string[] }>;

function columnsIn(names: readonly string[], path: string): Columns {
	const key = (['person', 'file'] as const).find((name) => names.includes(name));
	if (key === undefined) {
		const separator = /^(person|file)\s*[;\t]/.exec(names[0] ?? '') && 'Separate the columns by commas.';
		const found = names.map((name) => shown(name)).join(', ');
		throw invalid(path, `Expected a column person or file in ${path} but found ${found}.`, separator || layout);
	}
	// Of a list of photos with labels, whose the photos are is known.
	const others = names.filter((name) => name !== 'person' && name !== 'file');
	if (others.length === 0) throw invalid(path, `Expected a column of labels beside ${key} in ${path}.`, layout);
	if (others.includes('')) throw invalid(path, `Expected a name for every column of ${path}.`, layout);
	const twice = names.find((name, at) => names.indexOf(name) !== at);
	if (twice !== undefined) throw invalid(path, `Expected one column ${shown(twice)} in ${path} but found several.`);
	return { key, names: others };
}

function divisionOf(
	name: string,
	column: number,
	{ known, path }: { known: ReadonlyMap<number, Readonly<{ labels: readonly string[] }>>; path: string },
): Division {
	const distinct = [...new Set([...known].map(([, own]) => own.labels[column]!))];
	if (distinct.length < 2) {
		throw invalid(path, `Expected at least two labels in the column ${shown(name)} of ${path} but found one.`, compare);
	}
	if (distinct.length > mostLabels) {
		const found = `at most ${mostLabels} labels in the column ${shown(name)} of ${path} but found ${distinct.length}`;
		throw invalid(path, `Expected ${found}.`, compare);
	}
	const index = new Map(distinct.map((label, i) => [label, i]));
	return {
		name,
		labels: distinct,
		labelOf: Array.from({ length: known.size }, (_, place) => index.get(known.get(place)!.labels[column]!)!),
	};
}

const compare = 'A column says which of a few groups each person belongs to. Leave others out.';

function listed(names: readonly string[]): string {
	const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
	return `${names.slice(0, mostNamed).map(shown).join(', ')}${more}`;
}

function shown(name: string): string {
	return shortened(JSON.stringify(name));
}

function invalid(file: string, problem: string, remedy?: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'groups', file: resolve(file) } });
}
