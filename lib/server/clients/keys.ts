// API keys: 256 random bits that a client presents, of which the server keeps the digest alone.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../files/digests.ts';

/** The letters in front tell scanners for leaked secrets, and people, what it is. */
export function newKey(): string {
	return `a2f_${randomBytes(32).toString('base64url')}`;
}

/** In lower-case hexadecimal. Keys are random, so that a slow hash would add nothing. */
export function digestOf(key: string): string {
	return sha256(key);
}
