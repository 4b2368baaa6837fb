// The bundles of random weights that benchmarks use.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { toHalf } from '../../benchmarks/random-bundle/random-values.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { readTextEncoderConfig, textEncoder } from '../../models/text-encoder.ts';
import { readUNetConfig, unet } from '../../models/unet.ts';
import { readVaeConfig, vaeDecoder, vaeEncoder } from '../../models/vae.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { CheckpointWeights } from '../../models/weights/weight-set.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { float32, int64, runNetwork, type Tensor } from '../networks.ts';

const folder = temporaryFolder();
const files: { path: string; sizeBytes: number }[] = [];
const inBundle = (path: string) => folder.path(`tiny/${path}`);
beforeAll(() => writeRandomBundle(folder.path('tiny'), { size: 'tiny', seed: 7, onFile: (file) => files.push(file) }));

const config = (part: string) => ConfigFile.read(inBundle(`${part}/config.json`));
const weights = async (path: string) => new CheckpointWeights(await openCheckpoint(inBundle(path)));

/** A smooth input of order 1 that is the same in every run. */
const wave = (shape: readonly number[]): Tensor => {
	const count = shape.reduce((product, size) => product * size, 1);
	return float32(
		shape,
		Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * 0.031)),
	);
};

/** Root of the mean square; NaN when a value is not finite. */
const size = (values: ArrayLike<number>) =>
	Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);

describe('a tiny random bundle', () => {
	test('has the official layout and tells what it wrote', () => {
		expect(files.map(({ path }) => path)).toEqual([
			'arc2face/config.json',
			'arc2face/diffusion_pytorch_model.safetensors',
			'encoder/config.json',
			'encoder/pytorch_model.bin',
			'vae/config.json',
			'vae/diffusion_pytorch_model.safetensors',
			'scheduler/scheduler_config.json',
			'antelopev2/arcface.onnx',
			'antelopev2/scrfd_10g_bnkps.onnx',
			'tokens.json',
		]);
		for (const { path, sizeBytes } of files) expect(statSync(inBundle(path)).size).toBe(sizeBytes);
		expect(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThan(8e6);
	});

	test('is decided by its seed', async () => {
		const digests = async (seed: number) => {
			const other = folder.path(`seed-${seed}`);
			await writeRandomBundle(other, { size: 'tiny', seed });
			return files.map(({ path }) =>
				createHash('sha256')
					.update(readFileSync(`${other}/${path}`))
					.digest('hex'),
			);
		};
		const first = files.map(({ path }) =>
			createHash('sha256')
				.update(readFileSync(inBundle(path)))
				.digest('hex'),
		);
		expect(await digests(7)).toEqual(first);
		const networks = files.map(({ path }) => !path.endsWith('.json'));
		expect((await digests(8)).map((digest, i) => digest !== first[i])).toEqual(networks);
	});

	// "Of order 1": between a tenth and ten, so that neither precision overflows or drowns.
	test.each(['fp32', 'fp16'] as const)('gives results of order 1 in %s', async (precision) => {
		const encoderWeights = await weights('encoder/pytorch_model.bin');
		const { hidden_states } = runNetwork(
			textEncoder(readTextEncoderConfig(await config('encoder')), encoderWeights, { input: 'identity', precision }),
			{
				input_ids: int64([1, 77], JSON.parse(readFileSync(inBundle('tokens.json'), 'utf8')).prompt),
				identity: float32([1, 512], Array<number>(512).fill(1 / Math.sqrt(512))),
				identity_position: int64([1], [4]),
			},
			{ hidden_states: [1, 77, 512] },
		);
		encoderWeights.assertAllUsed({ ignore: /position_ids$/ });
		expect(size(hidden_states!.data)).toBeCloseTo(1, 0);

		const unetWeights = await weights('arc2face/diffusion_pytorch_model.safetensors');
		const { eps } = runNetwork(
			unet(readUNetConfig(await config('arc2face')), unetWeights, { precision }),
			{ sample: wave([1, 4, 16, 16]), timestep: float32([1], [500]), encoder_hidden_states: hidden_states! },
			{ eps: [1, 4, 16, 16] },
		);
		unetWeights.assertAllUsed();
		expect(size(eps!.data)).toBeGreaterThan(0.1);
		expect(size(eps!.data)).toBeLessThan(10);

		const vaeWeights = await weights('vae/diffusion_pytorch_model.safetensors');
		const vae = readVaeConfig(await config('vae'));
		const { image } = runNetwork(
			vaeDecoder(vae, vaeWeights, { precision }),
			{ latents: wave([1, 4, 16, 16]) },
			{ image: [1, 3, 128, 128] },
		);
		vaeEncoder(vae, vaeWeights);
		vaeWeights.assertAllUsed();
		expect(size(image!.data)).toBeGreaterThan(0.1);
		expect(size(image!.data)).toBeLessThan(10);
	});

	test('has a recogniser of the official interface', () => {
		const network = onnx('antelopev2/arcface.onnx');
		const got = runNetwork(network, { 'input.1': wave([2, 3, 112, 112]) }, { 683: [2, 512] });
		expect(size(got['683']!.data)).toBeGreaterThan(0.1);
		expect(size(got['683']!.data)).toBeLessThan(10);
	});

	test('has a detector of the official interface, which finds nothing', () => {
		const cells = [8, 16, 32].map((stride) => (64 / stride) * (96 / stride));
		const names = { score: ['448', '471', '494'], box: ['451', '474', '497'], keypoints: ['454', '477', '500'] };
		const values = { score: 1, box: 4, keypoints: 10 };
		const shapes = Object.entries(names).flatMap(([kind, of]) =>
			of.map((name, i) => [name, [2 * cells[i]!, values[kind as keyof typeof values]]] as const),
		);
		const got = runNetwork(
			onnx('antelopev2/scrfd_10g_bnkps.onnx'),
			{ 'input.1': wave([1, 3, 64, 96]) },
			Object.fromEntries(shapes),
		);
		for (const name of names.score) {
			for (const score of got[name]!.data) expect(score > 0 && score < 0.1).toBe(true);
		}
		for (const name of [...names.box, ...names.keypoints]) expect(size(got[name]!.data)).toBeLessThan(10);
	});
});

function onnx(path: string): Parameters<typeof runNetwork>[0] {
	return { graph: readFileSync(inBundle(path)), weights: [], inputs: [] };
}

test('toHalf gives the nearest float16', () => {
	// Exact values, ties to even above and below, the smallest number and half of it, the largest and beyond.
	const cases: [number, number][] = [
		[0, 0x0000],
		[-0, 0x8000],
		[1, 0x3c00],
		[-2, 0xc000],
		[1 / 3, 0x3555],
		[2049, 0x6800],
		[2051, 0x6802],
		[2 ** -14, 0x0400],
		[2 ** -24, 0x0001],
		[2 ** -25, 0x0000],
		[3 * 2 ** -25, 0x0002],
		[65504, 0x7bff],
		[65519, 0x7bff],
		[65520, 0x7c00],
		[-1e9, 0xfc00],
	];
	for (const [value, bits] of cases) expect(toHalf(value).toString(16), String(value)).toBe(bits.toString(16));
});
