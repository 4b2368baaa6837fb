// The errors of this package: a code and details for programs, a problem and a remedy for people.
import { type Sentence, say, type Wording } from './messages/wording.ts';

// Tests keep docs/errors.md and native/error.h in step with it.
/**
 * Every way this package can fail, and what that means.
 *
 * @enum
 */
export const errorCodes = {
	INVALID_ARGUMENT: 'An argument, an option or a setting of the environment is not what it may be.',
	INVALID_IMAGE: "A photo can't be read, or is no image of a format that is known.",
	NO_FACE: 'There is no face in the photo, or not the one that was asked for.',
	INVALID_BUNDLE: 'A model folder is missing, lacks a file, or has a config that its networks do not fit.',
	INVALID_WEIGHTS: "A file of weights can't be read, is damaged, or does not fit its config.",
	NO_DEVICE: 'The device that was asked for, or a library that it needs, is missing or does not work.',
	ENGINE_FAILED: 'A network failed while it was built, loaded or run.',
	DEVICE_LOST: 'A GPU failed in a way that nothing can run on it any more in this process.',
	OUT_OF_MEMORY: 'The machine or the GPU has too little memory for what was asked.',
	DISPOSED: 'The model, a ledger or a deny list was given back, before the call or during it.',
	DOWNLOAD_FAILED: 'A file could not be downloaded, or is another one than was expected.',
	FILE_FAILED: 'A file or folder could not be read or written.',
	CONSENT_REQUIRED: 'The consent ledger has no valid record of a person for what the images are for.',
	DENIED: 'The deny list has a person, or somebody who looks alike.',
	LEDGER_DAMAGED:
		'A consent ledger, a deny list or a file of jobs was changed by something else than this package, or is damaged.',
	SIGNING_FAILED: 'A file could not be signed: key, certificate or signer do not do.',
} as const;

/**
 * Why there is no consent. `none`: the ledger has no record of the person; `expired`: its time is over; `revoked`: it was withdrawn;
 * `purpose`: it is for other purposes; `scope`: for another part of the purpose; `unlike`: the identity is not that of the subject that was named.
 */
export type ConsentReason = 'none' | 'expired' | 'revoked' | 'purpose' | 'scope' | 'unlike';

/** A kind of failure. */
export type ErrorCode = keyof typeof errorCodes;

/** What an error may know besides its sentences. A field means the same with every code. */
interface Details {
	/** The option or argument, as the call names it. */
	option: string;
	/** The environment variable at fault. */
	variable: string;
	/** The photo: its path or URL, or another name used in messages. */
	photo: string;
	/** How many faces were found. */
	faces: number;
	/** The model folder. */
	bundle: string;
	/** The file, folder or library at fault: an absolute path. */
	file: string;
	/** The field of a config file. */
	field: string;
	/** The tensor, of a file of weights or among a network's inputs and outputs. */
	tensor: string;
	/** The network: `unet`. */
	network: string;
	/** `cpu`, or the GPU as `cuda:0`; or what was requested, such as `cuda`. */
	device: string;
	/** How many bytes of memory were requested. */
	bytes: number;
	/** How many were free, where that was seen before they were requested. */
	freeBytes: number;
	/** The largest of the batch sizes, in rows, for which they are enough; absent if there is none. */
	batchSize: number;
	/** What was to be downloaded. */
	url: string;
	/** Of the server's response: 404. */
	status: number;
	/** The system's error code: `EACCES`. */
	systemCode: string;
	/** Why there is no consent: `none`, `expired`, `revoked`, `purpose`, `scope` or `unlike`. */
	reason: ConsentReason;
	/** What the images are for, as the call says. */
	purpose: string;
	/** For which part of that. */
	scope: string;
	/** The reference of the subject that the call names. */
	subject: string;
	/** The record in the ledger. */
	record: string;
	/** Index of the identity among those of the call, from 0. */
	index: number;
	/** The row of a ledger's log. */
	row: number;
}

/** Which details the errors of each code may have. All are optional. */
export const detailFields = {
	INVALID_ARGUMENT: ['option', 'variable', 'file', 'photo', 'faces'],
	INVALID_IMAGE: ['photo', 'systemCode'],
	NO_FACE: ['photo', 'faces'],
	INVALID_BUNDLE: ['bundle', 'file', 'field', 'network', 'tensor', 'systemCode'],
	INVALID_WEIGHTS: ['file', 'tensor', 'network', 'systemCode'],
	NO_DEVICE: ['device', 'file', 'variable'],
	ENGINE_FAILED: ['network', 'tensor', 'device', 'file'],
	DEVICE_LOST: ['device'],
	OUT_OF_MEMORY: ['network', 'device', 'bytes', 'freeBytes', 'batchSize'],
	DISPOSED: [],
	DOWNLOAD_FAILED: ['url', 'status', 'file'],
	FILE_FAILED: ['file', 'systemCode'],
	CONSENT_REQUIRED: ['reason', 'purpose', 'scope', 'subject', 'record', 'index', 'photo'],
	DENIED: ['index', 'photo'],
	LEDGER_DAMAGED: ['file', 'row', 'record'],
	SIGNING_FAILED: ['file'],
} as const satisfies Record<ErrorCode, readonly (keyof Details)[]>;

/** The details of errors of some codes (default: of any code). */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = {
	readonly [Field in (typeof detailFields)[Code][number]]?: Details[Field] | undefined;
};

type Options<Code extends ErrorCode> = {
	/** Chosen where the cause is known. */
	remedy?: Sentence | undefined;
	details?: ErrorDetails<Code>;
	cause?: unknown;
};

/** One list per code, so that details match the code. */
export type ErrorArguments = {
	[Code in ErrorCode]: [code: Code, problem: Sentence, options?: Options<Code>];
}[ErrorCode];

/** The only error that this package throws on purpose; any other is a bug in it. */
export class Arc2FaceError extends Error {
	/** Always the same, as with every class of errors. */
	override readonly name = 'Arc2FaceError';
	/** What kind of failure this is, for programs; stable between versions. */
	readonly code: ErrorCode;
	/** What was wrong, and where: a sentence. */
	readonly problem: string;
	/** What to do about it: sentences; undefined where nothing general helps. */
	readonly remedy: string | undefined;
	/** Names and numbers for programs, as far as they are known. */
	readonly details: ErrorDetails;
	/** Problem and remedy as they were given, to be told in other words, too. */
	readonly #told: { problem: Sentence; remedy: Sentence | undefined };

	/** @hidden */
	constructor(...told: ErrorArguments) {
		const [code, toldProblem, { remedy: toldRemedy, details = {}, cause } = {}] = told;
		const problem = say(toldProblem);
		const remedy = toldRemedy && say(toldRemedy);
		super(remedy === undefined ? problem : `${problem} ${remedy}`, cause === undefined ? undefined : { cause });
		this.#told = { problem: toldProblem, remedy: toldRemedy };
		this.code = code;
		this.problem = problem;
		this.remedy = remedy;
		this.details = details;
	}

	/** A copy by a caller who knows more: another sentence, a remedy, or further details. @internal */
	with(more: { problem?: Sentence; remedy?: Sentence | undefined; details?: ErrorDetails }): Arc2FaceError {
		const { code, cause } = this;
		const said = { ...this.#told, ...more };
		const options = { remedy: said.remedy, details: { ...this.details, ...more.details }, cause };
		return new Arc2FaceError(...([code, said.problem, options] as ErrorArguments));
	}

	/** The same for another reader. @internal */
	inWordsOf(wording: Wording): Arc2FaceError {
		const { problem, remedy } = this.#told;
		return this.with({ problem: say(problem, wording), remedy: remedy && say(remedy, wording) });
	}

	/** For `JSON.stringify`, and for other threads: `structuredClone` and `postMessage` keep only an error's message. */
	toJSON(): Pick<Arc2FaceError, 'code' | 'problem' | 'details'> & {
		/** Absent where nothing general helps. */
		remedy?: string;
	} {
		const { code, problem, remedy, details } = this;
		return { code, problem, ...(remedy === undefined ? {} : { remedy }), details };
	}
}

/** What went wrong, for people. @internal */
export function problemOf(error: unknown): string {
	if (error instanceof Arc2FaceError) return error.problem;
	return error instanceof Error ? error.message : String(error);
}

/**
 * Keeps both ends of a text that is too long for a message.
 *
 * @param end - how much of `most` is the end
 * @internal
 */
export function shortened(text: string, most = 80, end = most / 2): string {
	return text.length <= most ? text : `${text.slice(0, most - end)}…${text.slice(-end)}`;
}

/** Whether nothing can run on the GPU any more. @internal */
export function isDeviceLost(error: unknown): boolean {
	return error instanceof Arc2FaceError && error.code === 'DEVICE_LOST';
}

/** The error for a call of a model that was disposed. @internal */
export function disposed(): Arc2FaceError {
	return new Arc2FaceError('DISPOSED', 'The model was disposed.', { remedy: 'Load it again with `Arc2Face.load()`.' });
}

/** The error for `new` of a class whose objects are loaded. @internal */
export function notConstructed(what: string, name: string): Arc2FaceError {
	return new Arc2FaceError('INVALID_ARGUMENT', `${what} is loaded, not constructed.`, {
		remedy: `Use \`await ${name}.load()\`.`,
	});
}
