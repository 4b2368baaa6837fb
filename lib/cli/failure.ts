// Failures that `doctor` finds.
import { Arc2FaceError, problemOf } from '../errors.ts';

/** What went wrong, and what to do about it, which an error's message joins in one line. */
export function failureOf(error: unknown): { problem: string; remedy: string } {
	const problem = problemOf(error).split('\n')[0] ?? '';
	return { problem, remedy: (error instanceof Arc2FaceError ? error.remedy : undefined) ?? '' };
}
