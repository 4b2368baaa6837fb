import { Arc2FaceError, errorCodes } from '../errors.ts';

/** What went wrong, and what to do about it; an error's message has both in one line. */
export function failureOf(error: unknown): { problem: string; remedy: string } {
	const message = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
	if (!(error instanceof Arc2FaceError)) return { problem: message, remedy: '' };
	const remedy = errorCodes[error.code];
	return { problem: message.replace(` ${remedy}`, ''), remedy };
}
