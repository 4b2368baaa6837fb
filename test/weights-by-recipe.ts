// Weights of networks too large to store, from an integer hash of their tensors' names: "Weights by recipe" in test/golden/README.md.
import { writeFile } from 'node:fs/promises';

/** As the golden data's JSON has it: each tensor's shape, exponent and offset. */
export type WeightRecipe = Readonly<{
	salt: string;
	tensors: Readonly<Record<string, readonly [shape: readonly number[], exponent: number, offset: number]>>;
}>;

/** The values of a tensor. */
export function valuesByRecipe({ salt, tensors }: WeightRecipe, name: string): Float32Array {
	const [shape, exponent, offset] = tensors[name]!;
	const seed = fnv1a(`${salt}/${name}`);
	const count = shape.reduce((product, size) => product * size, 1);
	return Float32Array.from(
		{ length: count },
		(_, i) => offset + (2 * (mix(seed + Math.imul(i, 0x9e3779b1)) >>> 28) - 15) * 2 ** exponent,
	);
}

/**
 * A safetensors file of all of them.
 *
 * @param others - tensors that are stored after all
 */
export async function writeByRecipe(
	recipe: WeightRecipe,
	file: string,
	others: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>> = {},
): Promise<void> {
	const parts: Buffer[] = [];
	const header: Record<string, unknown> = {};
	let end = 0;
	const byRecipe = Object.entries(recipe.tensors).map(
		([name, [shape]]) => [name, { shape, data: valuesByRecipe(recipe, name) }] as const,
	);
	for (const [name, { shape, data }] of [...byRecipe, ...Object.entries(others)]) {
		const part = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
		header[name] = { dtype: 'F32', shape, data_offsets: [end, end + part.length] };
		end += part.length;
		parts.push(part);
	}
	const json = Buffer.from(JSON.stringify(header));
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(json.length));
	await writeFile(file, Buffer.concat([length, json, ...parts]));
}

/** FNV-1a of 32 bits, http://www.isthe.com/chongo/tech/comp/fnv */
function fnv1a(text: string): number {
	return Buffer.from(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}

function mix(x: number): number {
	x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
	x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
	return x ^ (x >>> 16);
}
