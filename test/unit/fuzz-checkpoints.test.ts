// Mutated checkpoints.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Arc2FaceError } from '../../lib/errors.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { openLora } from '../../models/lora/lora.ts';
import { LoraWeights } from '../../models/lora/lora-weights.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { readSafetensors } from '../../models/weights/safetensors.ts';
import { readTorchZip } from '../../models/weights/torch-zip.ts';
import { WeightInventory } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

const folder = temporaryFolder();

/** Marsaglia's xorshift32, https://doi.org/10.18637/jss.v008.i14: integers from 0 to n − 1. */
function seeded(seed: number): (n: number) => number {
	let state = seed;
	return (n) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % n;
	};
}

type Mutation = (bytes: Buffer, at: number, random: (n: number) => number) => Buffer;

/** Lengths and offsets that a reader may trip over. */
const awkward = [0n, 1n, 0x7fn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, 1n << 53n, (1n << 63n) - 1n, (1n << 64n) - 1n];

const mutations: Record<string, Mutation> = {
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

type Sample = { name: string; bytes: Buffer; read: typeof openCheckpoint; ranges: [number, number][] };

/** Mutates the structure: a header, or a pickle and a directory; in tensors, changes have no effect. */
function sample(name: string): Sample {
	const bytes = readFileSync(goldenFolder + name);
	if (name.endsWith('.safetensors')) {
		const headerEnd = 8 + Number(bytes.readBigUInt64LE());
		return {
			name,
			bytes,
			read: readSafetensors,
			ranges: [
				[0, 8],
				[0, headerEnd],
			],
		};
	}
	const directory = bytes.indexOf('PK\x01\x02', 0, 'latin1');
	const pickleEnd = bytes.indexOf('PK\x03\x04', 4, 'latin1');
	return {
		name,
		bytes,
		read: readTorchZip,
		ranges: [
			[0, pickleEnd],
			[directory, bytes.length],
			[bytes.length - 22, bytes.length],
		],
	};
}

describe('mutated checkpoints give a checkpoint or INVALID_WEIGHTS', () => {
	const samples = [
		...['flat', 'views', 'nested', 'wrapped'].map((name) => sample(`formats/${name}.bin`)),
		...['formats/expected', 'misc/slerp', 'faces/align', 'rng/rng'].map((name) => sample(`${name}.safetensors`)),
	];
	const perSample = 2000 / samples.length;

	test.each(samples)(`${perSample} of $name`, async ({ name, bytes, read, ranges }) => {
		const kinds = Object.keys(mutations);
		let refused = 0;
		for (let i = 0; i < perSample; i++) {
			const random = seeded(1 + i + 10_000 * samples.findIndex((one) => one.name === name));
			for (let j = 0; j < 8; j++) random(2); // the first numbers of small seeds are alike
			const kind = kinds[i % kinds.length]!;
			const [from, to] = ranges[random(ranges.length)]!;
			const path = folder.write('mutated', mutations[kind]!(Buffer.from(bytes), from + random(to - from), random));

			const started = performance.now();
			// Every other one through the choice of a reader by content.
			const error = await (i % 2 === 0 ? read : openCheckpoint)(path).then(
				() => undefined,
				(reason: unknown) => reason,
			);
			const which = `${kind}, number ${i} of ${name}`;
			expect(performance.now() - started, which).toBeLessThan(2000);
			if (error === undefined) continue;
			refused++;
			if (!(error instanceof Arc2FaceError)) throw new Error(`${which}: an untyped error`, { cause: error });
			expect(error.code, which).toBe('INVALID_WEIGHTS');
			expect(error.message, which).toContain(path);
		}
		// If none or all failed, the mutations would not reach what the readers check.
		expect(refused).toBeGreaterThan(perSample / 4);
		expect(refused).toBeLessThan(perSample);
	});
});

test('500 mutated LoRAs, added to a UNet, give its weights or INVALID_WEIGHTS', async () => {
	const inventory = new WeightInventory();
	unet(readUNetConfig(await ConfigFile.read(`${goldenFolder}tiny-sd/arc2face/config.json`)), inventory);
	const bytes = readFileSync(`${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`);
	const headerEnd = 8 + Number(bytes.readBigUInt64LE());
	const kinds = Object.keys(mutations);
	let refused = 0;
	for (let i = 0; i < 500; i++) {
		const random = seeded(100_001 + i);
		for (let j = 0; j < 8; j++) random(2);
		const kind = kinds[i % kinds.length]!;
		// In the header, or in the first alpha, of two bytes.
		const at = random(4) === 0 ? headerEnd + random(2) : random(headerEnd);
		const path = folder.write('mutated', mutations[kind]!(Buffer.from(bytes), at, random));
		const add = async () => {
			const weights = new LoraWeights(inventory, [{ lora: await openLora(path), scale: 1 }]);
			for (const [name, shape] of inventory.shapes) weights.get(name, shape);
			weights.assertAllUsed();
		};
		const error = await add().then(
			() => undefined,
			(reason: unknown) => reason,
		);
		if (error === undefined) continue;
		refused++;
		const which = `${kind}, number ${i}`;
		if (!(error instanceof Arc2FaceError)) throw new Error(`${which}: an untyped error`, { cause: error });
		expect(error.code, which).toBe('INVALID_WEIGHTS');
		expect(error.message, which).toContain(path);
	}
	expect(refused).toBeGreaterThan(100);
	expect(refused).toBeLessThan(500);
});
