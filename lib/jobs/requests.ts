// Requests that are kept: the same one sent again is known, and paints the same images however often it is begun.
import { randomInt } from 'node:crypto';
import { Arc2FaceError } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import { sha256 } from '../files/digests.ts';
import type { PortraitRequest } from './request.ts';

/** What the error about a key names. */
export const keyOption = 'Idempotency-Key';

/** With a seed, if neither it nor its recipe has one. */
export function seeded({ fields, files }: PortraitRequest): PortraitRequest {
	if (fields.seed !== undefined || fields.recipe !== undefined) return { fields, files };
	return { fields: { ...fields, seed: randomInt(2 ** 32) }, files };
}

/** Of all that is asked, in hexadecimal digits: the same for the same fields in any order. */
export function digestOf({ fields, files }: { fields: object; files: PortraitRequest['files'] }): string {
	const digests = Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]);
	return sha256(canonical({ fields, files: Object.fromEntries(digests) }));
}

/** The error for a key that was used before, for something else. */
export function otherRequest(key: string): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`The idempotency key ${JSON.stringify(key)} was used for another request.`,
		{
			...{ remedy: 'Use another key for another request.', details: { option: keyOption } },
		},
	);
}
