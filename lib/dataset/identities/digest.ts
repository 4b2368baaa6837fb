// Which identities a run has.
import { createHash } from 'node:crypto';
import { setImmediate as givingWay } from 'node:timers/promises';
import { embeddingLength } from '../../identity.ts';
import { rowsAtATime } from './unit.ts';

/** SHA-256 of their numbers, float32 and little-endian, in lower-case hexadecimal. Other work gets its turn: there may be gigabytes. */
export async function identitiesDigest(identities: Float32Array, signal?: AbortSignal): Promise<string> {
	const hash = createHash('sha256');
	const piece = rowsAtATime * embeddingLength;
	for (let at = 0; at < identities.length; at += piece) {
		await givingWay();
		signal?.throwIfAborted();
		const { buffer, byteOffset, byteLength } = identities.subarray(at, at + piece);
		hash.update(new Uint8Array(buffer, byteOffset, byteLength));
	}
	return hash.digest('hex');
}
