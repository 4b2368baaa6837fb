// Changes of a file's bytes, as damage or malice may make them.
/** Marsaglia's xorshift32, https://doi.org/10.18637/jss.v008.i14: integers from 0 to n − 1. The first numbers of small seeds are alike: skip some. */
export function seeded(seed: number): (n: number) => number {
	let state = seed;
	return (n) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % n;
	};
}

export type Mutation = (bytes: Buffer, at: number, random: (n: number) => number) => Buffer;

/** Lengths and offsets that a reader may trip over. */
const awkward = [0n, 1n, 0x7fn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, 1n << 53n, (1n << 63n) - 1n, (1n << 64n) - 1n];

export const mutations: Record<string, Mutation> = {
	'a bit flipped': (bytes, at, random) => {
		bytes[at]! ^= 1 << random(8);
		return bytes;
	},
	'a byte replaced': (bytes, at, random) => {
		bytes[at] = random(256);
		return bytes;
	},
	'a digit replaced': (bytes, at, random) => {
		const digit = bytes.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
		if (digit >= 0) bytes[digit] = 0x30 + random(10);
		return bytes;
	},
	truncated: (bytes, at) => bytes.subarray(0, at),
	'bytes inserted': (bytes, at, random) => {
		const inserted = Buffer.from(Array.from({ length: 1 + random(16) }, () => random(256)));
		return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
	},
	'bytes removed': (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]),
	'bytes repeated': (bytes, at, random) => {
		const end = at + 1 + random(64);
		return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
	},
	'an integer replaced': (bytes, at, random) => {
		const value = Buffer.alloc(8);
		value.writeBigUInt64LE(awkward[random(awkward.length)]!);
		value.copy(bytes, at, 0, [2, 4, 8][random(3)]);
		return bytes;
	},
};
