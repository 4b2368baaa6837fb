// Several inputs, each of which gets its own result or error: one failure does not stop the others.
import { File } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError, type ErrorCode } from '../errors.ts';
import type { Size } from '../geometry.ts';
import type { Warning } from '../warnings.ts';
import { type Context, UsageError } from './command.ts';
import { exitCodeFor, exitCodes, worst } from './exit-codes.ts';
import { checkLoadOptions, loadModel, type ModelValues } from './model.ts';
import { localPath, nameOf, standardStream } from './path.ts';
import { commandLineWording, warningsOf } from './wording.ts';

/** A failed input's entry among the results. */
export type Failed = { error: ReturnType<Arc2FaceError['toJSON']> };

/** What `--json` prints of every input, and of the model. */
export function resultsJson(input: string) {
	return {
		warnings: 'what may be wrong with the model: code and message of each',
		'results[].source': `the ${input}, as named on the command line`,
		'results[].error': 'instead of the rest, where it failed',
	};
}

/** An input as named on the command line, and as given to the model. */
export type PhotoInput = { source: string; photo: string | File };

type PhotoOptions<T> = {
	values: ModelValues;
	context: Context;
	size?: Size | undefined;
	check?: (source: string) => Promise<void>;
	withoutModel?: (source: string, content: string | Buffer) => Promise<T | undefined>;
};

/** Failures that concern all inputs, not one. */
const common: readonly ErrorCode[] = ['INVALID_BUNDLE', 'INVALID_WEIGHTS', 'NO_DEVICE', 'DISPOSED', 'LEDGER_DAMAGED'];

/** Larger than any photo accepted; a pipe may never end. */
const pipeLimitBytes = 1_000_000_000;

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
		const worded = error.inWordsOf(commandLineWording);
		const { photo, file } = error.details;
		const names = [localPath(source), nameOf(source)];
		const isNamed = (photo !== undefined && names.includes(photo)) || file === resolve(localPath(source));
		const named = isNamed ? worded : worded.with({ problem: `${nameOf(source)}: ${worded.problem}` });
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

/** The inputs without those that are named again, such as by two patterns of a shell: their results would have the same names. */
export function distinct(sources: readonly string[], { note }: Pick<Context, 'note'>): string[] {
	const known = new Set<string>();
	return sources.filter((source) => {
		const path = source === standardStream ? source : resolve(localPath(source));
		if (!known.has(path)) return known.add(path);
		note(`${nameOf(source)} was named before, and is taken once.`);
		return false;
	});
}

/**
 * Does something with each photo, and a model. The headers of all photos are read first; if no photo is left, the model
 * is not loaded at all.
 *
 * @param options.check - further checks of an input, such as the name of its result
 * @param options.withoutModel - the result of an input that is no photo, from its path or content
 * @param work - an error it throws is this photo's alone
 * @returns a result for each photo, and what may be wrong with the model; where an error, or the user, ends the work midway, those
 *   until then: the program tells the error after them
 */
export async function forEachPhoto<T extends object>(
	sources: readonly string[],
	{ values, context, size, check, withoutModel }: PhotoOptions<T>,
	work: (model: Arc2Face, input: PhotoInput) => Promise<T>,
): Promise<{ results: (T | Failed)[]; warnings: Warning[] }> {
	checkLoadOptions(values, size);
	const inputs: ({ photo: PhotoInput } | { result: T | Failed })[] = [];
	for (const source of sources) {
		const open = async () => {
			await check?.(source);
			const content = await readInput(source, context);
			const result = await withoutModel?.(source, content);
			if (result !== undefined) return { result };
			const photo = typeof content === 'string' ? content : new File([content], nameOf(source));
			await checkPhoto(photo);
			return { photo: { source, photo } };
		};
		const input = await attempt(source, context, open);
		inputs.push('error' in input ? { result: input } : input);
	}
	const ready = inputs.flatMap((input) => ('result' in input ? [input.result] : []));
	if (ready.length === inputs.length) return { results: ready, warnings: [] };

	await using model = await loadModel(values, context, size);
	const results: (T | Failed)[] = [];
	try {
		for (const input of inputs) {
			if ('result' in input) results.push(input.result);
			else results.push(await attempt(input.photo.source, context, () => work(model, input.photo)));
		}
	} catch (error) {
		if (results.length === 0) throw error;
		context.endEarly(error);
	}
	return { results, warnings: warningsOf(model.info) };
}

/** @throws {Arc2FaceError} `INVALID_IMAGE` for a file that is missing or not a photo */
async function checkPhoto(content: PhotoInput['photo']): Promise<void> {
	// Imported here: without sharp, which it needs, `--help` still answers.
	const photo = await import('../photo.ts');
	await photo.checkPhoto(content);
}

/** The path of a file, or the bytes of what can be read only once. */
export async function readInput(source: string, { signal }: Context): Promise<string | Buffer> {
	if (source === standardStream) return await readStdin(signal);
	const path = localPath(source);
	const found = await stat(path).catch(() => undefined); // what is wrong with a file is told by its reader
	// A pipe, such as bash's `<(…)`, can be read only once, but photos are looked at before the work.
	return found?.isFIFO() ? await readPipe(source, createReadStream(path), signal) : path;
}

async function readStdin(signal: AbortSignal): Promise<Buffer> {
	if (process.stdin.isTTY)
		throw new UsageError(`Expected a file or a pipe on stdin for ${standardStream} but it is a terminal.`);
	return await readPipe(standardStream, process.stdin, signal);
}

async function readPipe(source: string, pipe: Readable, signal: AbortSignal): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of addAbortSignal(signal, pipe)) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes <= pipeLimitBytes) continue;
		const photo = nameOf(source);
		const problem = `Can't read the photo ${photo}: it has over ${pipeLimitBytes} bytes, and no photo is so large.`;
		throw new Arc2FaceError('INVALID_IMAGE', problem, { details: { photo } });
	}
	return Buffer.concat(chunks);
}
