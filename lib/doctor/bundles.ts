import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { failureOf } from '../cli/failure.ts';
import { freeSpace } from '../files/space.ts';

export interface BundleState {
	name: string;
	folder: string;
	/** Whether it loads: configs, weights and shapes fit together. */
	usable: boolean;
	/** Whether it has the networks that read faces from photos. */
	canEncode: boolean;
	/** Files that a pull began and did not finish. */
	unfinished: readonly string[];
	/** Why it is not usable. */
	error?: { problem: string; remedy: string };
}

export interface DataFolder {
	path: string;
	freeBytes: number | undefined;
}

/** The embedded bundle and those in the data folder, whether usable or not. */
export async function findBundles(): Promise<{ bundles: BundleState[]; dataFolder: DataFolder }> {
	// Imported here, because bundles bring all network definitions with them, which `--help` does not need.
	const library = await import('../bundle/bundle.ts');
	const path = dirname(library.bundleFolder('arc2face'));
	const downloaded = (await filesOf(path, false))
		.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
		.map(({ name }) => name);
	const embedded = existsSync(library.bundleFolder('tiny')) ? ['tiny'] : [];
	const bundles = [];
	for (const name of [...embedded, ...downloaded]) bundles.push(await examineBundle(name, library));
	return { bundles, dataFolder: { path, freeBytes: await freeSpace(path) } };
}

async function examineBundle(
	name: string,
	{ bundleFolder, openBundle }: typeof import('../bundle/bundle.ts'),
): Promise<BundleState> {
	const folder = bundleFolder(name);
	const unfinished = (await filesOf(folder, true))
		.filter((entry) => entry.isFile() && entry.name.endsWith('.part'))
		.map((entry) => `${basename(entry.parentPath)}/${entry.name.slice(0, -'.part'.length)}`);
	const state = { name, folder, unfinished };
	try {
		const { networks } = await openBundle(folder);
		return { ...state, usable: true, canEncode: networks.detector !== undefined };
	} catch (error) {
		return { ...state, usable: false, canEncode: false, error: failureOf(error) };
	}
}

/** What is in a folder; nothing, if there is no such folder. */
function filesOf(folder: string, recursive: boolean) {
	return readdir(folder, { withFileTypes: true, recursive }).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT') return [];
		throw error;
	});
}
