// Random values, the same on every machine.
import { createHash } from 'node:crypto';

/** Evenly distributed values: `mean` ± √3 · `deviation`. */
export type Distribution = Readonly<{ mean: number; deviation: number }>;

/** Elements made at once: 4 MiB of float32. */
const chunkElements = 2 ** 20;

/**
 * Values of one tensor in pieces; the same on every machine. All pieces share one array.
 *
 * @param seed - of the network; with `name` it decides the values, so they do not depend on the other tensors
 */
export function* randomChunks(
	seed: string,
	name: string,
	count: number,
	type: 'float32' | 'float16',
	{ mean, deviation }: Distribution,
): Iterable<Uint8Array> {
	const next = sfc32(createHash('sha256').update(`${seed}/${name}`).digest());
	// From an integer in [−2³¹, 2³¹) to a value; the half makes the mean 0.
	const scale = (deviation * Math.sqrt(3)) / 2 ** 31;
	const values = type === 'float32' ? new Float32Array(Math.min(count, chunkElements)) : undefined;
	const halves = type === 'float16' ? new Uint16Array(Math.min(count, chunkElements)) : undefined;
	for (let start = 0; start < count; start += chunkElements) {
		const length = Math.min(chunkElements, count - start);
		if (values !== undefined) {
			for (let i = 0; i < length; i++) values[i] = mean + (next() + 0.5) * scale;
			yield bytesOf(values.subarray(0, length));
		} else if (halves !== undefined) {
			for (let i = 0; i < length; i++) halves[i] = toHalf(mean + (next() + 0.5) * scale);
			yield bytesOf(halves.subarray(0, length));
		}
	}
}

/** Chris Doty-Humphrey's sfc32 of PractRand, https://pracrand.sourceforge.net/RNG_engines.txt: signed 32-bit integers. */
function sfc32(seed: Buffer): () => number {
	let [a, b, c, counter] = [seed.readInt32LE(0), seed.readInt32LE(4), seed.readInt32LE(8), 1];
	return () => {
		const result = (a + b + counter) | 0;
		counter = (counter + 1) | 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) | 0;
		c = (((c << 21) | (c >>> 11)) + result) | 0;
		return result;
	};
}

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** Bits of the nearest float16 (ties to even); values too large become infinite. */
export function toHalf(value: number): number {
	floatView[0] = value;
	const bits = bitsView[0]!;
	const sign = (bits >>> 16) & 0x8000;
	const magnitude = Math.abs(floatView[0]!);
	if (Number.isNaN(magnitude)) return 0x7e00;
	if (magnitude >= 65520) return sign | 0x7c00;
	// Below 2^-14 a float16 is a multiple of 2^-24.
	if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24);
	// Drop 13 of 23 fraction bits, rounding; a carry goes into the exponent, as intended.
	const kept = bits & 0x7fff_ffff;
	return sign | ((kept + 0xfff + ((kept >>> 13) & 1) - (112 << 23)) >>> 13);
}

function roundHalfToEven(value: number): number {
	const floor = Math.floor(value);
	const rest = value - floor;
	return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
	return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
