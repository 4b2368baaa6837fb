// The bundles on this machine, and whether they load.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { failureOf } from '../cli/failure.ts';
import { freeSpace } from '../files/space.ts';
import type { Extra } from './bundle-files.ts';
import type { BundleFile } from './examined.ts';

export interface BundleState {
	name: string;
	folder: string;
	/** Whether it loads: configs, weights and shapes fit together. */
	usable: boolean;
	/** Whether it has the networks that read faces from photos. */
	canEncode: boolean;
	/** What it has that not every bundle has, with nothing wrong. */
	extras: readonly Extra[];
	/** Unfinished downloads, as paths in the bundle. */
	unfinished: readonly string[];
	/** Each file: what it is, or what is wrong with it. */
	files: readonly BundleFile[];
	/** Why it is not usable. */
	error?: { problem: string; remedy: string };
}

export interface DataFolder {
	path: string;
	freeBytes: number | undefined;
}

/**
 * The embedded bundle and those in the data folder, whether usable or not.
 *
 * @param bundle - look only at this one: a name or a folder
 * @throws {Arc2FaceError} `INVALID_BUNDLE` when there is no such bundle
 */
export async function findBundles(bundle?: string): Promise<{ bundles: BundleState[]; dataFolder: DataFolder }> {
	// Imported here, because bundles import all network definitions, which `--help` does not need.
	const { bundleFolder, findBundle } = await import('../bundle/bundle.ts');
	const path = dirname(bundleFolder('arc2face'));
	const dataFolder = { path, freeBytes: await freeSpace(path) };
	if (bundle !== undefined) return { bundles: [await examineBundle(bundle, await findBundle(bundle))], dataFolder };
	const downloaded = (await entriesOf(path))
		.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
		.map(({ name }) => name);
	const embedded = existsSync(bundleFolder('tiny')) ? ['tiny'] : [];
	const bundles = [];
	for (const name of [...embedded, ...downloaded]) bundles.push(await examineBundle(name, bundleFolder(name)));
	return { bundles, dataFolder };
}

async function examineBundle(name: string, folder: string): Promise<BundleState> {
	const { openBundle } = await import('../bundle/bundle.ts');
	const { examineFiles, extrasAmong } = await import('./bundle-files.ts');
	const files = await examineFiles(folder);
	const state = { name, folder, files, extras: extrasAmong(files), unfinished: await findUnfinished(folder, files) };
	try {
		const { networks } = await openBundle(folder);
		return { ...state, usable: true, canEncode: networks.detector !== undefined };
	} catch (error) {
		return { ...state, usable: false, canEncode: false, error: failureOf(error) };
	}
}

/** What is wrong with a bundle: with each file, unless most are merely not downloaded yet. */
export function bundleProblems({ name, folder, usable, files, unfinished, error }: Omit<BundleState, 'extras'>) {
	const wrong = files.flatMap((file) => file.error ?? []);
	const missing = files.filter(({ error, bytes }) => error !== undefined && bytes === undefined);
	const isOfficial = basename(folder) === 'arc2face';
	if (isOfficial && missing.length > 1 && missing.length === wrong.length && unfinished.length === 0) {
		const problem = `Bundle ${name}: its download has not ended: ${missing.map(({ path }) => path).join(', ')} are missing.`;
		return [{ problem, remedy: pullRemedy }];
	}
	const isIncomplete = !usable && unfinished.length > 0;
	const problems = error !== undefined && (isIncomplete || wrong.length === 0) ? [error] : wrong;
	const told = problems.map(({ problem, remedy }) => ({ problem: `Bundle ${name}: ${problem}`, remedy }));
	if (unfinished.length === 0) return told;
	const problem = `Bundle ${name}: the download of ${unfinished.join(', ')} is unfinished.`;
	return [...told, { problem, remedy: isOfficial ? pullRemedy : 'Let it end, or start it again.' }];
}

const pullRemedy = 'Run `arc2face pull`; it goes on where it stopped.';

/** Those beside the files, and those of the hub's own program, in its own folder. */
async function findUnfinished(folder: string, files: readonly BundleFile[]): Promise<string[]> {
	const { isUnfinished } = await import('../bundle/weights.ts');
	const hidden = await readdir(join(folder, '.cache'), { recursive: true }).catch(() => []);
	const paths = hidden.map((name) => join('.cache', name).split(sep).join('/'));
	return [...files.map(({ path }) => path), ...paths].filter(isUnfinished).map((path) => path.replace(/\.\w+$/, ''));
}

/** The contents of a folder; empty if there is no such folder. */
function entriesOf(folder: string) {
	return readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT') return [];
		throw error;
	});
}
