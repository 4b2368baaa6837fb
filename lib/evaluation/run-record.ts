// What a folder of a report belongs to, so that a run goes on only where it began, and nothing of another is overwritten.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Arc2FaceError, shortened } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { isLeftover, namesIn, sweepLeftovers } from '../files/leftovers.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';

/** All that decides portraits and figures, as plain JSON. */
export type RunRecord = Readonly<{
	format: 1;
	package: string;
	options: Readonly<Record<string, unknown>>;
	model: Readonly<Record<string, unknown>>;
	/** What ran it; absent before it is loaded, and compared only once it is. */
	runtime?: Readonly<Record<string, unknown>>;
	/** SHA-256 of who is listed with which photos, in order: it decides whom portraits show, and their seeds. */
	listed: string;
	/** SHA-256 by name; null where a file can't be read. */
	photos: Readonly<Record<string, string | null>>;
	/** Of portraits that others made. */
	portraits?: Readonly<Record<string, string | null>>;
}>;

const fileName = 'run.json';

/**
 * @returns whether the folder holds this run already
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` when it holds another run, saying what differs, or files that are not of a run
 */
export async function requireOwnFolder(folder: string, record: RunRecord): Promise<boolean> {
	const names = (await namesIn(folder)).filter((name) => !isLeftover(name));
	if (names.length === 0) return false;
	const file = join(folder, fileName);
	const refuse = (problem: string, remedy: string) =>
		new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'out', file: resolve(file) } });
	if (!names.includes(fileName)) {
		throw refuse(`Expected an empty folder, or that of a run, for --out but ${folder} has other files.`, another);
	}
	const text = await onDisk('read', file, () => readFile(file, 'utf8'));
	const before = parsed(text);
	if (before?.format !== 1)
		throw refuse(`Expected the record of a run in ${file} but it is none that is known here.`, another);
	const differing = differences(before, JSON.parse(JSON.stringify(record)));
	if (differing.length === 0) return true;
	throw refuse(`${folder} holds another run: ${differing.join('; ')}.`, `${another} Nothing was changed.`);
}

const another = 'Choose another folder with --out, or move this one away.';

/** Also deletes what killed runs left beside it. */
export async function writeRunRecord(folder: string, record: RunRecord): Promise<void> {
	await onDisk('create', folder, () => makeFolder(folder));
	await sweepLeftovers(folder);
	await writeWhole(join(folder, fileName), `${JSON.stringify(record, undefined, '\t')}\n`);
}

/** Sentences' parts: `steps was 25 and is 10`. */
export function differences(before: RunRecord, now: RunRecord): string[] {
	const photos = differingFiles('photos', before.photos, now.photos);
	// Other photos are another list, too.
	const isListedOtherwise = photos.length === 0 && before.listed !== now.listed;
	return [
		...(before.package === now.package
			? []
			: [`the package was ${shown(before.package)} and is ${shown(now.package)}`]),
		...differingFields(before.options, now.options).map((name) => was(name, before.options[name], now.options[name])),
		...differingFields(before.model, now.model).map((name) =>
			was(`the model's ${name}`, before.model[name], now.model[name]),
		),
		...(now.runtime === undefined
			? []
			: differingFields(before.runtime ?? {}, now.runtime).map((name) =>
					was(`the ${name}`, before.runtime?.[name], now.runtime?.[name]),
				)),
		...photos,
		...(isListedOtherwise ? ['its photos were listed in another order, or as those of other people'] : []),
		...differingFiles('portraits', before.portraits ?? {}, now.portraits ?? {}),
	];
}

function was(name: string, before: unknown, now: unknown): string {
	return `${name} was ${shown(before)} and is ${shown(now)}`;
}

function differingFields(before: object, now: object): string[] {
	const [a, b] = [before, now] as Record<string, unknown>[];
	const names = [...new Set([...Object.keys(a!), ...Object.keys(b!)])];
	return names.filter((name) => JSON.stringify(a![name]) !== JSON.stringify(b![name]));
}

function differingFiles(kind: string, before: RunRecord['photos'], now: RunRecord['photos']): string[] {
	const names = differingFields(before, now);
	if (names.length === 0) return [];
	const told = (name: string) => {
		if (!(name in before)) return `${shortened(name)} is new`;
		return name in now ? `${shortened(name)} has changed` : `${shortened(name)} is gone`;
	};
	const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
	return [`other ${kind} (${names.slice(0, 3).map(told).join(', ')}${more})`];
}

function shown(value: unknown): string {
	return value === undefined ? 'not set' : shortened(typeof value === 'string' ? value : JSON.stringify(value), 60);
}

function parsed(text: string): RunRecord | undefined {
	try {
		return JSON.parse(text);
	} catch {
		return undefined; // cut short: it was not written by this package
	}
}
