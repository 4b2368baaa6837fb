// Formats errors for people.
import { Arc2FaceError } from '../errors.ts';
import { shortened } from '../options/check.ts';
import { UsageError } from './command.ts';

/** An error thrown on purpose is shown as a message; any other is a bug, whose stack helps a report. */
export function explain(error: unknown, command: string): string {
	if (error instanceof UsageError) return `arc2face: ${error.message}`;
	if (error instanceof Arc2FaceError) {
		const usage = error.code === 'INVALID_ARGUMENT' ? `See ${command} --help.` : undefined;
		const sentences = [error.problem, error.remedy ?? usage].filter((sentence) => sentence !== undefined);
		return `arc2face: ${error.code}: ${sentences.join(' ')}`;
	}
	return error instanceof Error ? `arc2face: ${error.stack}` : `arc2face: ${String(error)}`;
}

/** For one word, such as a path, and for a whole message, which may hold a stack. */
const longest = { word: 240, message: 6000 };

/**
 * Makes a text safe to show. It may repeat any input: long words lose their middle, and
 * control characters are escaped.
 */
export function presentable(text: string): string {
	const words = text.slice(0, 2_000_000).replace(/\S+/g, (word) => shortened(word, longest.word, longest.word / 3));
	return shortened(words, longest.message, longest.message / 3).replace(/[^\P{Cc}\n\t]/gu, (character) => {
		return `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`;
	});
}
