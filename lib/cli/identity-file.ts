import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { UsageError } from './command.ts';
import { failureOf } from './failure.ts';

/** Whether a path means a saved identity rather than a photo. */
export function isIdentityFile(path: string): boolean {
	return path.toLowerCase().endsWith('.json');
}

/** @throws {UsageError} for a name by which `compare` would not know it for an identity */
export function requireIdentityName(path: string, option: string): void {
	if (isIdentityFile(path)) return;
	throw new UsageError(`Expected a file name that ends in .json for ${option} but received "${path}".`);
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`, naming the file */
export async function readIdentity(path: string): Promise<Identity> {
	try {
		return Identity.from(JSON.parse(await readFile(path, 'utf8')) as IdentityLike);
	} catch (cause) {
		const problem = failureOf(cause).problem.replace(/\.?$/, '.');
		throw new Arc2FaceError('INVALID_ARGUMENT', `Expected the output of \`arc2face encode\` in ${path}: ${problem}`, {
			remedy: 'Make one with `arc2face encode`.',
			details: { file: resolve(path) },
			cause,
		});
	}
}
