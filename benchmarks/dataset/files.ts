// The files of a folder by their contents, to compare two of them.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** SHA-256 by path, of all files below a folder. */
export async function filesIn(folder: string): Promise<Map<string, string>> {
	const digests = new Map<string, string>();
	for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile()) continue;
		const path = join(entry.parentPath, entry.name);
		digests.set(
			relative(folder, path),
			createHash('sha256')
				.update(await readFile(path))
				.digest('hex'),
		);
	}
	return digests;
}
