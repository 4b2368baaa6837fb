import { readFile } from 'node:fs/promises';
import { Arc2FaceError } from '../errors.ts';
import { Identity, type IdentityLike } from '../identity.ts';

/** Whether a path means a saved identity rather than a photo. */
export function isIdentityFile(path: string): boolean {
	return path.toLowerCase().endsWith('.json');
}

/** @throws {Arc2FaceError} `FILE_FAILED` or `INVALID_ARGUMENT`, naming the file */
export async function readIdentity(path: string): Promise<Identity> {
	const text = await readFile(path, 'utf8').catch((cause: Error) => {
		throw new Arc2FaceError('FILE_FAILED', `Could not read ${path}: ${cause.message}.`, { cause });
	});
	try {
		return Identity.from(JSON.parse(text) as IdentityLike);
	} catch (cause) {
		throw new Arc2FaceError(
			'INVALID_ARGUMENT',
			`Expected the output of \`arc2face encode\` in ${path}: ${(cause as Error).message}`,
			{ cause },
		);
	}
}
