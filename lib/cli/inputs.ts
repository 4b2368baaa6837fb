// Several inputs, each of which gets its own result or error: one failure does not stop the others.
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError, type ErrorCode } from '../errors.ts';
import type { Size } from '../geometry.ts';
import { type Context, type OptionValues, UsageError } from './command.ts';
import { exitCodeFor, exitCodes, worst } from './exit-codes.ts';
import { checkLoadOptions, loadModel, type modelOptions } from './model.ts';
import { localPath, standardStream } from './path.ts';

/** A failed input's entry among the results. */
export type Failed = { error: ReturnType<Arc2FaceError['toJSON']> };

/** An input as named on the command line, and as given to the model. */
export type PhotoInput = { source: string; photo: string | Buffer };

type PhotoOptions = {
	values: OptionValues<typeof modelOptions>;
	context: Context;
	size?: Size | undefined;
	check?: (source: string) => Promise<void>;
};

/** Failures that concern all inputs, not one. */
const common: readonly ErrorCode[] = ['INVALID_BUNDLE', 'INVALID_WEIGHTS', 'NO_DEVICE', 'DISPOSED'];

/** Larger than any photo accepted; a pipe may never end. */
const stdinLimitBytes = 1_000_000_000;

/**
 * Reports a failure at once, and returns it as the input's result.
 *
 * @throws failures that are not this input's
 */
export async function attempt<T>(source: string, context: Context, work: () => Promise<T>): Promise<T | Failed> {
	try {
		return await work();
	} catch (error) {
		if (context.signal.aborted || !(error instanceof Arc2FaceError) || common.includes(error.code)) throw error;
		const { photo, file } = error.details;
		const isStdin = source === standardStream;
		const isNamed = !isStdin && (photo !== undefined || file === resolve(localPath(source)));
		const name = isStdin ? 'stdin' : source;
		const named = isNamed ? error : error.with({ problem: `${name}: ${error.problem}` });
		context.report(named);
		return { error: named.toJSON() };
	}
}

export function hasFailed<T extends object>(result: T): result is Extract<T, Failed> {
	return 'error' in result;
}

export function hasResult<T extends object>(result: T): result is Exclude<T, Failed> {
	return !hasFailed(result);
}

/** The exit code of the worst result. */
export function exitCodeOfAll(results: readonly (object | Failed)[]): number {
	return worst(results.map((result) => ('error' in result ? exitCodeFor(result.error.code) : exitCodes.done)));
}

/**
 * Does something with each photo, and a model. The headers of all photos are read first; if all are bad, the model
 * is not loaded at all.
 *
 * @param options.check - further checks of an input, such as the name of its result
 * @param work - an error it throws is this photo's alone
 * @returns a result for each photo
 */
export async function forEachPhoto<T extends object>(
	sources: readonly string[],
	{ values, context, size, check }: PhotoOptions,
	work: (model: Arc2Face, input: PhotoInput) => Promise<T>,
): Promise<(T | Failed)[]> {
	checkLoadOptions(values, size);
	if (sources.filter((source) => source === standardStream).length > 1) {
		throw new UsageError(`Expected ${standardStream} once, because stdin can be read once.`);
	}
	const inputs: (PhotoInput | Failed)[] = [];
	for (const source of sources) {
		const open = async () => {
			await check?.(source);
			return await openPhoto(source, context);
		};
		inputs.push(await attempt(source, context, open));
	}
	if (inputs.every(hasFailed)) return inputs;

	await using model = await loadModel(values, context, size);
	const results = [];
	for (const input of inputs) {
		results.push(hasFailed(input) ? input : await attempt(input.source, context, () => work(model, input)));
	}
	return results;
}

/** @throws {Arc2FaceError} `INVALID_IMAGE` for a file that is missing or not a photo */
async function openPhoto(source: string, { signal }: Context): Promise<PhotoInput> {
	const photo = source === standardStream ? await readStdin(signal) : localPath(source);
	// Imported here: without sharp, which it needs, `--help` still answers.
	const { checkPhoto } = await import('../photo.ts');
	await checkPhoto(photo);
	return { source, photo };
}

async function readStdin(signal: AbortSignal): Promise<Buffer> {
	if (process.stdin.isTTY)
		throw new UsageError('Expected a photo on stdin, from a file or a pipe, but it is a terminal.');
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of addAbortSignal(signal, process.stdin)) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes <= stdinLimitBytes) continue;
		throw new Arc2FaceError('INVALID_IMAGE', `Expected a photo on stdin but received over ${stdinLimitBytes} bytes.`, {
			details: { photo: standardStream },
		});
	}
	return Buffer.concat(chunks);
}
