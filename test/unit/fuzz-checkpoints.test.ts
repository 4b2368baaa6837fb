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
import { mutations, seeded } from '../mutated-bytes.ts';

const folder = temporaryFolder();

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
