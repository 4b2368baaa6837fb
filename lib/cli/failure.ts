// Failures that `doctor` finds.
import { Arc2FaceError, problemOf } from '../errors.ts';
import { commandLineWording } from './wording.ts';

/** What went wrong, and what to do about it, which an error's message joins in one line. */
export function failureOf(error: unknown): { problem: string; remedy: string } {
	const told = error instanceof Arc2FaceError ? error.inWordsOf(commandLineWording) : error;
	const problem = problemOf(told).split('\n')[0] ?? '';
	return { problem, remedy: (told instanceof Arc2FaceError ? told.remedy : undefined) ?? '' };
}
