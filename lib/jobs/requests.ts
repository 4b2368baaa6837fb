// Requests that are kept: the same one sent again is known, and paints the same images however often it is begun.
import { createHash, randomInt } from 'node:crypto';
import { Arc2FaceError } from '../errors.ts';
import { canonical } from '../files/canonical.ts';
import type { PortraitRequest } from './request.ts';

/** What the error about a key names. */
export const keyOption = 'Idempotency-Key';

/** With a seed, if neither it nor its recipe has one. */
export function seeded({ fields, files }: PortraitRequest): PortraitRequest {
	if (fields.seed !== undefined || fields.recipe !== undefined) return { fields, files };
	return { fields: { ...fields, seed: randomInt(2 ** 32) }, files };
}

/** Of all that is asked, in hexadecimal digits. */
export function digestOf({ fields, files }: PortraitRequest): string {
	const hash = createHash('sha256').update(canonical(fields));
	for (const name of Object.keys(files).sort()) {
		hash.update(`\0${name}\0`).update(createHash('sha256').update(files[name]!).digest());
	}
	return hash.digest('hex');
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
