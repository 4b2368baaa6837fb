// Damaged adapters, and any options of what steers portraits: each is read, or refused with a typed error. Each try follows from its
// number, so that a failure names it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AdapterName, checkAdapter } from '../../lib/bundle/adapters.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { checkGenerateOptions } from '../../lib/options/generate.ts';
import { readSteering, resolveSteering } from '../../lib/steering/steering.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { readUNetConfig } from '../../models/unet.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';
import { mutations, seeded } from '../mutated-bytes.ts';

const folder = temporaryFolder();
const config = readUNetConfig(await ConfigFile.read(`${goldenFolder}tiny-sd/arc2face/config.json`));

/** Where a file's structure is: the header, or the pickle and the directory. */
function rangesOf(bytes: Buffer, path: string): [number, number][] {
	if (path.endsWith('.safetensors')) return [[0, 8 + Number(bytes.readBigUInt64LE())]];
	const directory = bytes.indexOf('PK\x01\x02', 0, 'latin1');
	return [
		[0, bytes.indexOf('PK\x03\x04', 4, 'latin1')],
		[directory, bytes.length],
	];
}

test.each<[AdapterName, string]>([
	['expression', 'exp_adapter/exp_adapter.bin'],
	['reference', 'ref_adapter/pytorch_lora_weights.safetensors'],
	['reference', 'ref_adapter/pytorch_lora_weights.lora_A_B.safetensors'],
])('400 damaged %s adapters, of %s, fit the UNet or are INVALID_WEIGHTS', async (name, path) => {
	const bytes = readFileSync(`${goldenFolder}adapters/${path}`);
	const ranges = rangesOf(bytes, path);
	const kinds = Object.keys(mutations);
	let refused = 0;
	for (let i = 0; i < 400; i++) {
		const random = seeded(200_001 + i);
		for (let j = 0; j < 8; j++) random(2);
		const kind = kinds[i % kinds.length]!;
		const [from, to] = ranges[random(ranges.length)]!;
		const file = folder.write('mutated', mutations[kind]!(Buffer.from(bytes), from + random(to - from), random));
		const error = await openCheckpoint(file)
			.then((checkpoint) => checkAdapter(name, checkpoint, config))
			.catch((reason: unknown) => reason);
		if (error === undefined) continue;
		refused++;
		const which = `${kind}, number ${i}`;
		if (!(error instanceof Arc2FaceError)) throw new Error(`${which}: an untyped error`, { cause: error });
		expect(error.code, which).toBe('INVALID_WEIGHTS');
		expect(error.message, which).toContain(file);
	}
	// If none or all failed, the damage would not reach what is checked.
	expect(refused).toBeGreaterThan(80);
	expect(refused).toBeLessThan(400);
});

test('3000 mixtures of options are read for the core, or refused by name', { timeout: 120_000 }, async () => {
	const random = seeded(7);
	const oneOf = <T>(values: readonly T[]): T => values[random(values.length)]!;
	const some = <T extends object>(share: number, make: () => T) => (random(share) === 0 ? {} : make());
	const junk = [null, 7, 'x', '', [], {}, true, Number.NaN, Symbol('x'), () => {}];
	const raw = (width: number, height: number, channels: number) => ({
		...{ data: new Uint8Array(Math.max(width * height * channels, 0)), width, height, channels },
	});
	const photos = [
		raw(16, 8, 3),
		raw(9, 100, 1),
		raw(1, 1, 4),
		raw(0, 4, 3),
		Buffer.alloc(40, 7),
		'no/file.png',
		...junk,
	];
	const photo = () => oneOf(photos);
	const scale = () => ({ scale: oneOf([0, 0.5, 1, 2, 2.1, -1, Number.POSITIVE_INFINITY, undefined, ...junk]) });
	const angle = () => oneOf([0, 10, -45.5, 60, 61, 90, -91, 1e9, undefined, undefined, ...junk]);
	const numbers = (length: number) => Float32Array.from({ length }, (_, i) => i / 10);
	const point = () => [random(20), random(20)] as const;
	const keypoints = () => Array.from({ length: oneOf([5, 5, 5, 4]) }, point);
	const control = () => ({
		...(random(2) === 0 ? { pose: { yaw: angle(), ...some(2, () => ({ pitch: angle(), roll: angle() })) } } : {}),
		...(random(2) === 0 ? { image: photo() } : {}),
		...some(2, scale),
	});
	const reference = () => ({
		photo: photo(),
		...some(2, scale),
		...some(2, () => ({ align: oneOf([true, false, false, 1]) })),
		...some(2, () => ({ face: oneOf([keypoints(), 'largest', 0, -1, 'none']) })),
		...some(4, () => ({ noise: oneOf([new Float32Array(4 * 2 * 2), new Float32Array(3), [1], undefined]) })),
	});
	const bundle = {
		expressions: new Map([['smile', Array.from(numbers(55))]]),
		framing: oneOf(['ffhq', { cameraDistance: 11, headHeight: 0.76 }] as const),
		geometry: { width: 16, height: 16, pixelsPerLatent: 8 },
	};
	const outcomes = { read: 0, refused: 0 };
	for (let i = 0; i < 3000; i++) {
		const options = {
			...some(2, () => ({ control: random(12) === 0 ? oneOf(junk) : control() })),
			...some(2, () => ({ expression: oneOf(['smile', 'smirk', numbers(55), numbers(54), ...junk]) })),
			...some(3, () => ({ expressionScale: scale().scale })),
			...some(2, () => ({ reference: random(12) === 0 ? oneOf(junk) : reference() })),
		};
		try {
			checkGenerateOptions(options as never);
			const size = { width: oneOf([8, 16, 24]), height: 16 };
			const found = { keypoints: [point(), point(), point(), point(), point()], warnings: [] };
			const read = await readSteering(
				resolveSteering(options as never, bundle.expressions),
				bundle,
				1,
				size,
				async () => found,
			);
			const { control, expression, reference } = read.steering;
			for (const picture of [control?.image, reference?.photo]) {
				if (picture) expect(picture.data.length, `try ${i}`).toBe(3 * picture.width * picture.height);
			}
			expect([0, 55], `try ${i}`).toContain(expression?.numbers.length ?? 0);
			for (const one of [control, expression, reference]) expect(one?.scale ?? 0, `try ${i}`).toBeLessThanOrEqual(2);
			outcomes.read++;
		} catch (error) {
			if (!(error instanceof Arc2FaceError)) throw new Error(`try ${i}: an untyped error`, { cause: error });
			expect(['INVALID_ARGUMENT', 'INVALID_IMAGE'], `try ${i}`).toContain(error.code);
			if (error.code === 'INVALID_ARGUMENT') {
				expect(error.details.option, `try ${i}`).toMatch(/^(control|expression|expressionScale|reference)(\.|$)/);
			}
			outcomes.refused++;
		}
	}
	// Both kinds of outcome are many, or the tries would not reach what matters.
	expect(outcomes.read).toBeGreaterThan(100);
	expect(outcomes.refused).toBeGreaterThan(500);
});
