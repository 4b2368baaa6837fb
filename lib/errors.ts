// The errors of this package: codes for programs, problems and remedies for people.

/** Every way this package can fail, and what people usually do about it. A test keeps native/error.h in step. */
export const errorCodes = {
	INVALID_ARGUMENT: 'See the documentation of the call for what it accepts.',
	INVALID_IMAGE: 'Pass a JPEG, PNG, WebP or AVIF file, its bytes, or raw RGB pixels.',
	NO_FACE: 'Use a photo in which one face is large, sharp and not cut off, or pass its keypoints.',
	INVALID_BUNDLE: 'Check the folder against the bundle layout in the README, or run `arc2face pull`.',
	INVALID_WEIGHTS: 'Delete the file and run `arc2face pull`.',
	NO_DEVICE: 'Run `arc2face doctor` to see what was looked for and what was found.',
	ENGINE_FAILED: 'Run `arc2face doctor`; if it finds no fault, please report this message.',
	OUT_OF_MEMORY:
		'Lower `count` or the image size; on a GPU, load with fewer and lower `batchSizes`; or close other programs.',
	DISPOSED: 'Load the model again with `Arc2Face.load()`.',
	DOWNLOAD_FAILED: 'Check the connection and run `arc2face pull` again; it goes on where it stopped.',
	FILE_FAILED: 'Check that the folder exists, that you may read and write in it, and that the disk has space.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** What an error knows beside its sentences: names and numbers for programs, all optional. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** The only error that this package throws on purpose; any other is a bug in it. */
export class Arc2FaceError extends Error {
	override readonly name = 'Arc2FaceError';
	/** What kind of failure this is, for programs; stable between versions. */
	readonly code: ErrorCode;
	/** What was wrong, and where: a sentence. */
	readonly problem: string;
	/** What to do about it: sentences; undefined where nothing general helps. */
	readonly remedy: string | undefined;
	readonly details: ErrorDetails;

	/** @param options.remedy - chosen where the cause is known */
	constructor(
		code: ErrorCode,
		problem: string,
		{
			remedy = errorCodes[code],
			details = {},
			cause,
		}: { remedy?: string; details?: ErrorDetails; cause?: unknown } = {},
	) {
		super(`${problem} ${remedy}`, cause === undefined ? undefined : { cause });
		this.code = code;
		this.problem = problem;
		this.remedy = remedy;
		this.details = details;
	}

	/** Native errors arrive without a JavaScript stack; the result has the caller's, and the native error as `cause`. */
	static fromNative(cause: unknown): unknown {
		if (!(cause instanceof Error) || !('code' in cause)) return cause;
		const known = typeof cause.code === 'string' && Object.hasOwn(errorCodes, cause.code);
		return known ? new Arc2FaceError(cause.code as ErrorCode, cause.message, { cause }) : cause;
	}
}

/** What went wrong, for people. @internal */
export function problemOf(error: unknown): string {
	if (error instanceof Arc2FaceError) return error.problem;
	return error instanceof Error ? error.message : String(error);
}
