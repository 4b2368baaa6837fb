// The key of a ledger or a deny list: reading the user's, and what is encrypted and sealed with it.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Arc2FaceError } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';
import { invalid } from '../options/check.ts';
import type { OpenOptions } from '../options/consent.ts';
import { pathOf } from '../options/path.ts';

const keyBytes = 32;
const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * @returns undefined if the user gives none
 * @throws {Arc2FaceError} `INVALID_ARGUMENT` for what is no key, which no message repeats; `FILE_FAILED`
 */
export async function readKey({ key, keyFile }: OpenOptions): Promise<Buffer | undefined> {
	if (key !== undefined) {
		const found = keyIn(key);
		if (found === undefined) throw invalid(expected, 'key', 'something else', howToMake);
		return found;
	}
	if (keyFile === undefined) return undefined;
	const file = pathOf(keyFile, 'keyFile');
	const content = await onDisk('read', file, () => readFile(file));
	const found = content.length === keyBytes ? content : keyIn(content.toString('latin1').trim());
	if (found !== undefined) return found;
	throw new Arc2FaceError('INVALID_ARGUMENT', `Expected ${expected} in ${file} but found something else.`, {
		...{ remedy: howToMake, details: { option: 'keyFile', file } },
	});
}

const expected = '32 bytes, or their text in base64 or hexadecimal,';
const howToMake = 'Make one with `openssl rand -base64 32`.';

function keyIn(value: string | Uint8Array): Buffer | undefined {
	if (typeof value !== 'string') return value.length === keyBytes ? Buffer.from(value) : undefined;
	if (/^[0-9a-f]{64}$/i.test(value)) return Buffer.from(value, 'hex');
	// 44 characters with the one of padding, of either alphabet.
	return /^[\w+/-]{43}=?$/.test(value) ? Buffer.from(value, 'base64') : undefined;
}

/** What is derived from the user's key for one file: a key is never used for two things, and what one file holds fits no other. */
export class Keys {
	readonly #identities: Buffer;
	readonly #seals: Buffer;

	/** @param id - the file's */
	constructor(key: Buffer, id: string) {
		const derived = (info: string) => Buffer.from(hkdfSync('sha256', key, id, `arc2face ${info}`, keyBytes));
		this.#identities = derived('identities');
		this.#seals = derived('seals');
	}

	/**
	 * AES-256-GCM.
	 *
	 * @param place - where the identity belongs: it opens nowhere else
	 * @returns nonce, cipher text and tag
	 */
	encrypt({ buffer, byteOffset, byteLength }: Float32Array, place: string): Buffer {
		const nonce = randomBytes(nonceBytes);
		const encryption = createCipheriv(cipher, this.#identities, nonce).setAAD(Buffer.from(place));
		const text = encryption.update(Buffer.from(buffer, byteOffset, byteLength));
		return Buffer.concat([nonce, text, encryption.final(), encryption.getAuthTag()]);
	}

	/** @returns undefined if it is not what {@link encrypt} made for this place */
	decrypt(sealed: Uint8Array, place: string): Float32Array | undefined {
		const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
		if (bytes.length < nonceBytes + tagBytes) return undefined;
		const decryption = createDecipheriv(cipher, this.#identities, bytes.subarray(0, nonceBytes), {
			authTagLength: tagBytes,
		});
		decryption.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-tagBytes));
		try {
			const text = decryption.update(bytes.subarray(nonceBytes, -tagBytes));
			decryption.final();
			return new Float32Array(Uint8Array.from(text).buffer);
		} catch {
			return undefined;
		}
	}

	/** HMAC-SHA-256, in hexadecimal. */
	seal(text: string): string {
		return createHmac('sha256', this.#seals).update(text).digest('hex');
	}

	isSealOf(text: string, seal: unknown): boolean {
		const right = Buffer.from(this.seal(text));
		const given = Buffer.from(typeof seal === 'string' ? seal : '');
		return given.length === right.length && timingSafeEqual(given, right);
	}

	/** Overwrites what was derived. */
	dispose(): void {
		this.#identities.fill(0);
		this.#seals.fill(0);
	}
}
