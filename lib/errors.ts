/** Every way this package can fail, and what to do about it. A test keeps native/error.h in step. */
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

/** The only error that this package throws on purpose; any other is a bug in it. */
export class Arc2FaceError extends Error {
	override readonly name = 'Arc2FaceError';
	/** What kind of failure this is, for programs; stable between versions. */
	readonly code: ErrorCode;

	constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
		super(`${message} ${errorCodes[code]}`, options);
		this.code = code;
	}

	/** Native errors arrive without a JavaScript stack; the result has the caller's, and the native error as `cause`. */
	static fromNative(cause: unknown): unknown {
		if (!(cause instanceof Error) || !('code' in cause)) return cause;
		const known = typeof cause.code === 'string' && Object.hasOwn(errorCodes, cause.code);
		return known ? new Arc2FaceError(cause.code as ErrorCode, cause.message, { cause }) : cause;
	}
}

/** What went wrong, without the remedy that the message of an {@link Arc2FaceError} ends with. @internal */
export function problemOf(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error);
	return error instanceof Arc2FaceError ? message.replace(` ${errorCodes[error.code]}`, '') : message;
}
