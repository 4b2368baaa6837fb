// Saved identities: the files that `arc2face encode` writes.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import { Identity, type IdentityLike } from '../identity.ts';
import { contentOf } from '../photo/content.ts';
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
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, naming the file
 */
export async function readIdentity(source: string, content: string | Buffer): Promise<Identity> {
	const details = {
		option: 'identity',
		...(typeof content === 'string' ? { file: resolve(content) } : { photo: source }),
	};
	const fail = (why: string, cause?: unknown): Arc2FaceError =>
		new Arc2FaceError('INVALID_ARGUMENT', `Expected a saved identity in ${nameOf(source)}: ${why}`, {
			...{ remedy: 'Save one with `arc2face encode PHOTO --out FILE.json`.', details, cause },
		});
	const bytes = typeof content === 'string' ? await readBytes(content, details) : content;
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

async function readBytes(path: string, details: { option: string }): Promise<Buffer> {
	return await onDisk('read', path, () => readFile(path)).catch((cause: Arc2FaceError) => {
		const { problem, remedy } = cause;
		throw new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details, cause });
	});
}

/** An object or a list; one that is damaged, too. */
function isJson(text: string): boolean {
	return /^\s*[{[]/.test(text);
}
