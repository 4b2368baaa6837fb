// Reads the recordings of test/golden, and measures how near a result is.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Reference data recorded from the upstream Python implementations; test/golden/README.md says how. */
export const goldenFolder = fileURLToPath(new URL('golden/', import.meta.url));

export type GoldenTensor = {
	shape: number[];
	data: Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;
};
export type GoldenCase = {
	name: string;
	tensors: Record<string, string>;
	accuracy?: { f32_vs_f64_max_abs: number; atol: number };
	// biome-ignore lint/suspicious/noExplicitAny: each family of cases has its own parameters
	[parameter: string]: any;
};

/**
 * Reads `<name>.json` and the tensors of `<name>.safetensors` beside it, independently of the package's own reader. Callers
 * state the number of cases, so that no test passes because it found none.
 */
export function readGolden(name: string) {
	const description = JSON.parse(readFileSync(`${goldenFolder}${name}.json`, 'utf8')) as {
		cases: GoldenCase[];
		order?: string[];
	};
	const file = readFileSync(`${goldenFolder}${name}.safetensors`);
	const headerEnd = 8 + Number(file.readBigUInt64LE(0));
	const header = JSON.parse(file.toString('utf8', 8, headerEnd));

	const tensor = (key: string): GoldenTensor => {
		const entry = header[key];
		if (entry === undefined) throw new Error(`${name}.safetensors has no tensor ${key}`);
		const [from, to] = entry.data_offsets;
		const bytes = new Uint8Array(file.subarray(headerEnd + from, headerEnd + to)).buffer;
		switch (entry.dtype) {
			case 'F64':
				return { shape: entry.shape, data: new Float64Array(bytes) };
			case 'F32':
				return { shape: entry.shape, data: new Float32Array(bytes) };
			case 'F16':
				return { shape: entry.shape, data: Float32Array.from(new Uint16Array(bytes), halfToFloat) };
			case 'I64':
				return { shape: entry.shape, data: new BigInt64Array(bytes) };
			case 'I32':
				return { shape: entry.shape, data: new Int32Array(bytes) };
			case 'U8':
				return { shape: entry.shape, data: new Uint8Array(bytes) };
			default:
				throw new Error(`${name}.safetensors: ${key} has the type ${entry.dtype}, which tests do not read`);
		}
	};
	const cases = (count: number, kind?: string): GoldenCase[] =>
		exactly(
			count,
			description.cases.filter((one) => kind === undefined || one.kind === kind),
			`cases of ${kind ?? 'any kind'} in ${name}.json`,
		);
	return {
		/** All cases, or those of a kind. @throws when there are not `count` */
		cases,
		/** The same with their names, for titles. */
		named: (count: number, kind?: string): [string, GoldenCase][] => cases(count, kind).map((one) => [one.name, one]),
		/** The modules whose results were recorded, in the order of evaluation. @throws when there are not `count` */
		order: (count: number): string[] => exactly(count, description.order ?? [], `names in \`order\` of ${name}.json`),
		tensor,
		/** The values of a float tensor. */
		floats: (key: string) => tensor(key).data as Float32Array | Float64Array,
		case: (caseName: string) => {
			const found = description.cases.find((one) => one.name === caseName);
			if (found === undefined) throw new Error(`${name}.json has no case ${caseName}`);
			return found;
		},
	};
}

/** The list itself. @throws if it is not of this length, which its test would not notice */
export function exactly<T>(count: number, list: T[], what: string): T[] {
	if (list.length !== count) throw new Error(`Expected ${count} ${what} but found ${list.length}.`);
	return list;
}

/** The value of float16's bits. */
export function halfToFloat(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 31;
	const fraction = bits & 1023;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
	return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Largest absolute difference; NaN when there is one anywhere or the lengths differ, which fails every comparison. */
export function maxAbsError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
	if (got.length !== expected.length) return Number.NaN;
	let worst = 0;
	for (let i = 0; i < got.length; i++) {
		const error = Math.abs(got[i]! - expected[i]!);
		if (!(error <= worst)) worst = error;
		if (Number.isNaN(worst)) return worst;
	}
	return worst;
}
