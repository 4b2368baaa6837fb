// The golden bundle with its ControlNet and adapters, for tests of what steers portraits.
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { goldenFolder } from './golden.ts';

/**
 * Makes a bundle of links to the golden files.
 *
 * @param own - folders to copy instead, since the test changes them
 * @returns the path of a file in the bundle
 */
export function linkBundleWithAdapters(folder: string, ...own: string[]): (path: string) => string {
	mkdirSync(folder);
	const bundle = join(goldenFolder, 'tiny-sd');
	const adapters = ['exp_adapter', 'ref_adapter'].map((name) => join(goldenFolder, 'adapters', name));
	for (const part of [...readdirSync(bundle).map((name) => join(bundle, name)), ...adapters]) {
		const path = join(folder, basename(part));
		if (own.includes(basename(part))) cpSync(part, path, { recursive: true });
		else symlinkSync(part, path);
	}
	return (path) => join(folder, path);
}
