// Formats errors, for people and for programs.
import { Arc2FaceError, type ErrorCode, shortened } from '../errors.ts';
import { UsageError } from './command.ts';
import { commandLineWording } from './wording.ts';

/** An error as `--json` prints it. */
export type ErrorJson = Omit<ReturnType<Arc2FaceError['toJSON']>, 'code'> & {
	/** Besides those of the library: the user's interrupt, and a bug. */
	code: ErrorCode | 'INTERRUPTED' | 'INTERNAL';
};

/** @param isContinuable - whether the same command goes on from there */
export function interrupted(isContinuable: boolean): ErrorJson {
	const remedy = isContinuable ? { remedy: 'Run the same command again: it goes on from here.' } : {};
	return { code: 'INTERRUPTED', problem: 'Interrupted.', ...remedy, details: {} };
}

/** @param command - whose help tells more: `arc2face engines build` */
export function errorJson(error: unknown, command: string): ErrorJson {
	const help = `See ${command} --help.`;
	if (error instanceof UsageError) {
		const { problem, remedy = help } = error;
		return { code: 'INVALID_ARGUMENT', problem, remedy, details: {} };
	}
	if (error instanceof Arc2FaceError) {
		const usage = error.code === 'INVALID_ARGUMENT' ? { remedy: help } : {};
		return { ...usage, ...error.inWordsOf(commandLineWording).toJSON() };
	}
	return { code: 'INTERNAL', problem: error instanceof Error ? error.message : String(error), details: {} };
}

/** An error thrown on purpose is shown as a message; any other is a bug, whose stack helps a report. */
export function explain(error: unknown, command: string): string {
	const { code, problem, remedy } = errorJson(error, command);
	if (code === 'INTERNAL' && error instanceof Error) return `arc2face: ${error.stack}`;
	return `arc2face: ${sentences({ problem, remedy })}`;
}

export function sentences({ problem, remedy }: { problem: string; remedy?: string | undefined }): string {
	return remedy === undefined ? problem : `${problem} ${remedy}`;
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
