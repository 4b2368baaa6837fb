// Saved identities: the files that `arc2face encode` writes.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Arc2FaceError, problemOf } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { contentOf } from '../photo/content.ts';
import { UsageError } from './command.ts';

/** Whether a path names a saved identity rather than a photo. */
export function isIdentityFile(path: string): boolean {
	return path.toLowerCase().endsWith('.json');
}

/** @throws {UsageError} for a name that `compare` would not recognise as an identity's */
export function requireIdentityName(path: string, option: string): void {
	if (isIdentityFile(path)) return;
	throw new UsageError(`Expected a file name that ends in .json for ${option} but received "${path}".`);
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`, naming the file */
export async function readIdentity(path: string): Promise<Identity> {
	const fail = (problem: string, cause: unknown): Arc2FaceError =>
		new Arc2FaceError('INVALID_ARGUMENT', `Expected a saved identity in ${path}: ${problem}`, {
			remedy: 'Save one with `arc2face encode PHOTO --out FILE.json`.',
			details: { option: 'identity', file: resolve(path) },
			cause,
		});
	const bytes = await onDisk('read', path, () => readFile(path)).catch((cause: unknown) => {
		throw fail(problemOf(cause), cause);
	});
	const text = bytes.toString();
	try {
		return Identity.from(JSON.parse(text) as IdentityLike);
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw fail(cause.problem, cause);
		const what = /^\s*[{[]/.test(text) ? 'JSON that is damaged' : (contentOf(bytes)?.what ?? 'no JSON');
		throw fail(`it is ${what}.`, cause);
	}
}
