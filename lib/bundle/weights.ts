// Finds the weights of a network by the file names of diffusers and transformers.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { obstacleAt } from '../../models/file-content.ts';
import { Arc2FaceError } from '../errors.ts';

/** Name endings that programs give to incomplete downloads. */
const unfinishedEnds = ['.part', '.incomplete', '.crdownload', '.download', '.aria2', '.tmp'];
const otherWeights = /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|onnx|gguf)$/;

/** Whether a file is an unfinished download, by its name. */
export function isUnfinished(name: string): boolean {
	return unfinishedEnds.some((end) => name.endsWith(end));
}

/**
 * The file of a network's weights, or the index of several. The best of several is taken: safetensors before PyTorch's
 * `.bin`, no variant before `fp16` before any other (`model.fp16.safetensors`), and one file before several with an index. Only names
 * are looked at; `openCheckpoint` finds out what the file is.
 *
 * @param stems - how names begin, best first
 * @returns an absolute path
 * @throws {Arc2FaceError} `INVALID_BUNDLE` when there is none, saying what is there instead
 */
export async function findWeights(folder: string, stems: readonly [string, ...string[]]): Promise<string> {
	const names = await readdir(folder).catch(async (cause: NodeJS.ErrnoException) => {
		const { what, remedy = place } = await obstacleAt(folder, cause);
		throw noWeights(`Expected a folder ${folder} with weights but received ${what}.`, folder, remedy, cause);
	});
	const candidates = names.flatMap((name) => rankOf(name, stems) ?? []);
	const [best] = candidates.toSorted((a, b) => compare(a.rank, b.rank));
	if (best !== undefined) return join(folder, best.name);

	const expected = `there is no ${stems[0]}.safetensors or ${stems.at(-1)}.bin`;
	const { found, remedy } = insteadOf(names, stems[0]);
	throw noWeights(`Found no weights in ${folder}: ${expected}${found}.`, folder, remedy);
}

function noWeights(problem: string, file: string, remedy: string, cause?: unknown): Arc2FaceError {
	return new Arc2FaceError('INVALID_BUNDLE', problem, { remedy, details: { file }, cause });
}

type Rank = readonly (number | string)[];

/** Where names carry their variant: `model.fp16.safetensors`, `model.safetensors.index.fp16.json`, `model.safetensors.fp16.index.json`. */
const nameParts = /^(\w+?)(?:\.(\w+))?\.(safetensors|bin)(?:(?:\.(\w+))?(\.index)(?:\.(\w+))?\.json)?$/;

function rankOf(name: string, stems: readonly string[]): { name: string; rank: Rank } | undefined {
	const parts = nameParts.exec(name);
	if (parts === null) return undefined;
	const [, stem = '', before, format, between, index, after] = parts;
	if (!stems.includes(stem)) return undefined;
	const variant = before ?? between ?? after;
	const variantRank = variant === undefined ? 0 : variant === 'fp16' ? 1 : 2;
	const formatRank = format === 'safetensors' ? 0 : 1;
	return { name, rank: [formatRank, variantRank, index === undefined ? 0 : 1, stems.indexOf(stem), name] };
}

function compare(a: Rank, b: Rank): number {
	const place = a.findIndex((value, i) => value !== b[i]);
	return place < 0 ? 0 : a[place]! < b[place]! ? -1 : 1;
}

const place = 'Put the weights there, as diffusers or transformers save them.';

/** What in a folder explains its lack of weights, and what to do about it. */
function insteadOf(names: readonly string[], stem: string): { found: string; remedy: string } {
	const unfinished = names.find(isUnfinished);
	if (unfinished !== undefined) {
		const remedy = 'Let the download end, or start it again.';
		return { found: `, but ${unfinished}, a download that has not ended`, remedy };
	}
	const shard = names.find((name) => /-\d{5}-of-\d{5}\.(\w+\.)?(safetensors|bin)$/.test(name));
	if (shard !== undefined) {
		const remedy = `Put its index beside it, ${stem}.${formatOf(shard)}.index.json.`;
		return { found: `, but ${shard} without an index`, remedy };
	}
	const other = names.find((name) => otherWeights.test(name));
	if (other === undefined) return { found: '', remedy: place };
	return {
		found: `, but ${other}`,
		remedy: `If it is what diffusers or transformers saved, name it ${stem}.${formatOf(other)}.`,
	};
}

function formatOf(name: string): string {
	return name.endsWith('.safetensors') ? 'safetensors' : 'bin';
}
