// Saved identities: the files that `arc2face encode` writes.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { contentOf } from '../photo/content.ts';
import { obstacleOf } from '../photo/file.ts';
import { UsageError } from './command.ts';
import { nameOf } from './path.ts';

/** Whether an input is a saved identity rather than a photo: a file by its name, what came through a pipe by its start. */
export function isIdentity(content: string | Buffer): boolean {
	if (typeof content === 'string') return content.toLowerCase().endsWith('.json');
	return isJson(content.subarray(0, 1024).toString('latin1'));
}

/** @throws {UsageError} for a name that `compare` would not recognise as an identity's */
export function requireIdentityName(path: string, option: string): void {
	if (isIdentity(path)) return;
	throw new UsageError(`Expected a file name that ends in .json for ${option} but received "${path}".`);
}

/**
 * @param source - as named on the command line
 * @param content - its path, or its bytes
 * @throws {Arc2FaceError} `FILE_FAILED` when it can't be read, `INVALID_ARGUMENT` when it is no identity, naming the file
 */
export async function readIdentity(source: string, content: string | Buffer): Promise<Identity> {
	const details = {
		option: 'identity',
		...(typeof content === 'string' ? { file: resolve(content) } : { photo: nameOf(source) }),
	};
	const fail = (why: string, cause?: unknown): Arc2FaceError =>
		new Arc2FaceError('INVALID_ARGUMENT', `Expected a saved identity in ${nameOf(source)}: ${why}`, {
			...{ remedy: 'Save one with `arc2face encode PHOTO --out FILE.json`.', details, cause },
		});
	const bytes = typeof content === 'string' ? await readBytes(content) : content;
	const text = bytes.toString();
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (cause) {
		throw fail(`it is ${isJson(text) ? 'JSON that is damaged' : (contentOf(bytes)?.what ?? 'no JSON')}.`, cause);
	}
	// Said here: the library would repeat all that it received instead.
	if (!Array.isArray(json) && Object(json).embedding === undefined) throw fail('it is JSON without an `embedding`.');
	try {
		return Identity.from(json as IdentityLike);
	} catch (cause) {
		if (cause instanceof Arc2FaceError) throw fail(cause.problem, cause);
		throw cause;
	}
}

/** Tells of a missing file as of a missing photo. */
async function readBytes(path: string): Promise<Buffer> {
	try {
		return await readFile(path);
	} catch (cause) {
		const { why, remedy, systemCode } = await obstacleOf(path, cause as NodeJS.ErrnoException);
		const details = { file: resolve(path), systemCode };
		throw new Arc2FaceError('FILE_FAILED', `Can't read the identity ${nameOf(path)}: ${why}.`, {
			remedy,
			details,
			cause,
		});
	}
}

/** An object or a list; one that is damaged, too. */
function isJson(text: string): boolean {
	return /^\s*[{[]/.test(text);
}
