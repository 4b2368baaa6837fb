// The program's exit codes.
import { Arc2FaceError, type ErrorCode } from '../errors.ts';
import { UsageError } from './command.ts';

/** Interrupted: 128 + the number of SIGINT, as in shells. */
export const exitCodes = {
	...{ done: 0, failed: 1, wrongUsage: 2, noFace: 3 },
	/** What `verify` finds. */
	...{ altered: 4, unmarked: 5, unsigned: 6 },
	interrupted: 130,
} as const;

const byErrorCode: Partial<Record<ErrorCode, number>> = {
	INVALID_ARGUMENT: exitCodes.wrongUsage,
	NO_FACE: exitCodes.noFace,
};

export function exitCodeOf(error: unknown): number {
	if (error instanceof UsageError) return exitCodes.wrongUsage;
	return error instanceof Arc2FaceError ? exitCodeFor(error.code) : exitCodes.failed;
}

export function exitCodeFor(code: ErrorCode): number {
	return byErrorCode[code] ?? exitCodes.failed;
}

/** The worst of several inputs' codes: a missing file is worse than a photo without a face. The lower, the worse. */
export function worst(codes: readonly number[]): number {
	const wrong = codes.filter((code) => code !== exitCodes.done);
	return wrong.length === 0 ? exitCodes.done : Math.min(...wrong);
}
