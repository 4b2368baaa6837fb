// Turns native errors into this package's, with remedies.
import {
	Arc2FaceError,
	detailFields,
	type ErrorArguments,
	type ErrorCode,
	type ErrorDetails,
	errorCodes,
} from './errors.ts';
import type { Sentence } from './messages/wording.ts';

/**
 * Native errors arrive without a JavaScript stack; the result has the caller's, and the native error as `cause`. The remedy
 * follows from what native code knows; a caller that knows more uses `Arc2FaceError.with`.
 *
 * @returns any other error unchanged
 */
export function fromNative(cause: unknown): unknown {
	if (!(cause instanceof Error) || !('code' in cause) || !isErrorCode(cause.code)) return cause;
	const { code, message } = cause;
	const told: ErrorDetails = ('details' in cause && (cause.details as ErrorDetails | undefined)) || {};
	const fields: readonly string[] = detailFields[code];
	const details = Object.fromEntries(Object.entries(told).filter(([field]) => fields.includes(field)));
	return new Arc2FaceError(...([code, message, { remedy: remedies[code]?.(told), details, cause }] as ErrorArguments));
}

function isErrorCode(code: unknown): code is ErrorCode {
	return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

/** The remedy for a native error, where its details tell. */
const remedies: Partial<Record<ErrorCode, (details: ErrorDetails) => Sentence | undefined>> = {
	INVALID_ARGUMENT: ({ option = '' }) => loadAgain[option],
	NO_DEVICE: () => 'Run `arc2face doctor` to see what was looked for and what was found.',
	ENGINE_FAILED: ({ tensor, device = 'cpu', network }) => {
		if (tensor === undefined) return 'Run `arc2face doctor`; if it finds no fault, please report this message.';
		// Its numbers are not finite.
		const again = 'copy or download them again';
		return device === 'cpu' || readsFaces(network) || judges(network)
			? `Its weights may be damaged: ${again}.`
			: ({ option }) =>
					`Load with ${option('precision', 'fp32')}; if that fails as well, its weights may be damaged: ${again}.`;
	},
	DEVICE_LOST: () =>
		'Restart the process. If it happens again, look for the cause in the messages of the driver (`dmesg`, `nvidia-smi -q`).',
	OUT_OF_MEMORY: ({ device = 'cpu', network }) => {
		const close = device === 'cpu' ? 'close other programs' : 'close other programs that use the GPU';
		if (readsFaces(network))
			return ({ option }) => `Lower ${option('detectionSize')} or the photo's size, or ${close}.`;
		if (judges(network)) return `Use smaller images, or ${close}.`;
		return ({ option }) => {
			const batches = device === 'cpu' ? '' : `, load with fewer and lower ${option('batchSizes')}`;
			return `Lower ${option('count')} or the image size${batches}, or ${close}.`;
		};
	},
	DISPOSED: () => 'Load the model again with `Arc2Face.load()`.',
};

/** Such a network always computes in fp32, and its memory depends on the photo. */
const readsFaces = (network: string | undefined) => network === 'detector' || network === 'recognizer';

/** So does one that judges images. */
const judges = (network: string | undefined) => network === 'inception' || network === 'lpips';

/** What to load a model with, for a call's option that its engines were not built for. */
const loadAgain: Readonly<Record<string, Sentence>> = {
	width: ({ option }) => `Load the model with this size in ${option('imageSizes')}.`,
	guidanceScale: ({ option }) => `Load the model with 2 or more in ${option('batchSizes')}.`,
	detectionSize: ({ option }) => `Load the model with it as ${option('detectionSize')}.`,
};
