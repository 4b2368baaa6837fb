// This package's own folder and version.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package's package.json: one level up in a clone, two in the published package. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

function findPackageRoot(folder: string): string {
	if (existsSync(join(folder, 'package.json'))) return folder;
	const parent = dirname(folder);
	if (parent === folder) throw new Error('arc2face-native is installed without its package.json');
	return findPackageRoot(parent);
}

let version: string | undefined;

/** The version in this package's package.json, read once. */
export function packageVersion(): string {
	version ??= (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
	return version;
}
