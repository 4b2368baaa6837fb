import { Arc2FaceError } from '../../lib/errors.ts';

/**
 * The error of a damaged or unfit checkpoint.
 * @param subject - what is wrong, ending in the file: "tensor x of /a/b.bin"
 */
export function invalidWeights(expected: string, subject: string, received: string, cause?: unknown): Arc2FaceError {
	const message = `Expected ${expected} for ${subject} but received ${received}.`;
	return new Arc2FaceError('INVALID_WEIGHTS', message, cause === undefined ? {} : { cause });
}
