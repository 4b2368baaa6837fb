// What a folder of a report belongs to, so that a run goes on only where it began, and nothing of another is overwritten.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Arc2FaceError, shortened } from '../errors.ts';
import { makeFolder } from '../files/folder.ts';
import { isLeftover, namesIn, sweepLeftovers } from '../files/leftovers.ts';
import { onDisk } from '../files/on-disk.ts';
import { requireWritable } from '../files/target.ts';
import { writeWhole } from '../files/write.ts';
import { someOf } from './some.ts';

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
 * Before anything is read for a run: whether it can be written there at all.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for a folder of files that are not of a run; `FILE_FAILED`
 */
export async function requireRunFolder(folder: string): Promise<void> {
	await requireWritable(join(folder, fileName));
	await recordIn(folder);
}

/** @throws {Arc2FaceError} as {@link requireRunFolder}, and `INVALID_ARGUMENT` when it holds another run, saying what differs */
export async function requireOwnFolder(folder: string, record: RunRecord): Promise<void> {
	const before = await recordIn(folder);
	if (before === undefined) return;
	const differing = differences(before, JSON.parse(JSON.stringify(record)));
	if (differing.length === 0) return;
	throw refused(folder, `${folder} holds another run: ${differing.join('; ')}.`, `${another} Nothing was changed.`);
}

/** Undefined for a folder that is empty, or not there. */
async function recordIn(folder: string): Promise<RunRecord | undefined> {
	const names = (await namesIn(folder)).filter((name) => !isLeftover(name));
	if (names.length === 0) return undefined;
	if (!names.includes(fileName)) {
		throw refused(folder, `Expected an empty folder, or that of a run, for --out but ${folder} has other files.`);
	}
	const file = join(folder, fileName);
	const record = parsed(await onDisk('read', file, () => readFile(file, 'utf8')));
	if (record?.format === 1) return record;
	throw refused(folder, `Expected the record of a run in ${file} but it is none that is known here.`);
}

const another = 'Choose another folder with --out, or move this one away.';

function refused(folder: string, problem: string, remedy = another): Arc2FaceError {
	const file = resolve(folder, fileName);
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'out', file } });
}

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
	const told = names.map((name) => {
		if (!(name in before)) return `${shortened(name)} is new`;
		return name in now ? `${shortened(name)} has changed` : `${shortened(name)} is gone`;
	});
	return [`other ${kind} (${someOf(told)})`];
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
