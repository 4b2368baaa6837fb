// Bundles with one network that gives infinite numbers or NaN: an error that names it, and no image.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { Arc2Face } from '../../lib/index.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const good = folder.path('good');
const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const photo = { data: new Uint8Array(3 * 96 * 96).fill(99), width: 96, height: 96, channels: 3 } as const;
const keypoints = [
	[30, 35],
	[60, 36],
	[45, 55],
	[35, 70],
	[58, 71],
] as const;

beforeAll(() => writeRandomBundle(good, { size: 'tiny', seed: 3 }));

/** A copy of the bundle with one file changed; its path. */
async function spoiled(name: string, path: string, spoil: (file: string) => Promise<void>): Promise<string> {
	const bundle = folder.path(name);
	await cp(good, bundle, { recursive: true });
	await spoil(`${bundle}/${path}`);
	return bundle;
}

/** Puts a number at the end of a tensor. */
const spoilTensor = (name: string, number: 'NaN' | 'Infinity') => async (path: string) => {
	const tensor = (await openCheckpoint(path)).tensors.get(name)!;
	const bits = {
		float16: { NaN: [0x00, 0x7e], Infinity: [0x00, 0x7c] },
		float32: { NaN: [0x00, 0x00, 0xc0, 0x7f], Infinity: [0x00, 0x00, 0x80, 0x7f] },
	}[tensor.type as 'float16' | 'float32'][number];
	const file = await open(tensor.file, 'r+');
	await file.write(Uint8Array.from(bits), 0, bits.length, tensor.offset + tensor.length - bits.length);
	await file.close();
};

type Field = { number: number; from: number; to: number };

/** The length-delimited fields of a protocol buffers message. */
function fieldsOf(bytes: Uint8Array, { from, to }: { from: number; to: number }): Field[] {
	const fields: Field[] = [];
	let at = from;
	const varint = () => {
		let [value, shift] = [0, 1];
		for (;;) {
			const byte = bytes[at++]!;
			value += (byte & 127) * shift;
			shift *= 128;
			if (byte < 128) return value;
		}
	};
	while (at < to) {
		const tag = varint();
		const size = { 0: () => varint() * 0, 1: () => 8, 2: varint, 5: () => 4 }[tag % 8]!();
		if (tag % 8 === 2) fields.push({ number: Math.floor(tag / 8), from: at, to: at + size });
		at += size;
	}
	return fields;
}

/** Makes the last weights of an ONNX file NaN: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data. */
async function spoilOnnx(path: string): Promise<void> {
	const bytes = await readFile(path);
	const of = (field: { from: number; to: number }, number: number) =>
		fieldsOf(bytes, field).filter((one) => one.number === number);
	const graph = of({ from: 0, to: bytes.length }, 7)[0]!;
	const weights = of(graph, 5)
		.flatMap((tensor) => of(tensor, 9))
		.filter(({ from, to }) => to - from >= 256);
	const { from, to } = weights.at(-1)!;
	bytes.fill(0xff, from, to);
	await writeFile(path, bytes);
}

const cases = [
	{
		network: 'unet',
		path: 'arc2face/diffusion_pytorch_model.safetensors',
		spoil: spoilTensor('conv_out.weight', 'NaN'),
		tensor: 'conv_out.weight',
	},
	{
		network: 'vaeDecoder',
		path: 'vae/diffusion_pytorch_model.safetensors',
		spoil: spoilTensor('decoder.conv_in.weight', 'Infinity'),
		tensor: 'decoder.conv_in.weight',
	},
	{
		network: 'vaeEncoder',
		path: 'vae/diffusion_pytorch_model.safetensors',
		spoil: spoilTensor('encoder.conv_in.weight', 'NaN'),
		tensor: 'encoder.conv_in.weight',
	},
	{
		network: 'textEncoder',
		path: 'encoder/pytorch_model.bin',
		spoil: spoilTensor('text_model.final_layer_norm.weight', 'NaN'),
		tensor: 'text_model.final_layer_norm.weight',
	},
	// Files in the runtime's own format: only the runtime could tell which weight it was, so the output is named.
	{ network: 'detector', path: 'antelopev2/scrfd_10g_bnkps.onnx', spoil: spoilOnnx, tensor: '500' },
	{ network: 'recognizer', path: 'antelopev2/arcface.onnx', spoil: spoilOnnx, tensor: '683' },
] as const;

describe.each(cases)('a $network whose numbers are not finite', ({ network, path, spoil, tensor }) => {
	let bundle: string;
	beforeAll(async () => {
		bundle = await spoiled(network, path, spoil);
	});

	test('is named, and so is the file that is to blame', async () => {
		await using model = await Arc2Face.load({ bundle, device: 'cpu', edit: true });
		const details = { network, file: `${bundle}/${path}`, tensor };
		let steps = 0;
		const call =
			{
				detector: () => model.detect(photo),
				recognizer: () => model.encode(photo, { face: keypoints }),
				vaeEncoder: () => model.generate(identity, { image: photo, onStep: () => void steps++ }),
			}[network as string] ?? (() => model.generate(identity, { steps: 9, onStep: () => void steps++ }));
		await expect(call()).rejects.toMatchObject({
			problem: expect.stringContaining(network),
			...(spoil !== spoilOnnx
				? { code: 'INVALID_WEIGHTS', remedy: expect.stringMatching(/copy or download it again/), details }
				: {
						code: 'ENGINE_FAILED',
						message: expect.stringContaining(details.file),
						remedy: expect.stringMatching(/^Its weights may be damaged/),
						details: { ...details, device: 'cpu' },
					}),
		});
		// Found before more work is wasted, except for what shows only when painted.
		expect(steps).toBe(network === 'vaeDecoder' ? 9 : 0);
	});

	test('spoils no other call', async () => {
		await using model = await Arc2Face.load({ bundle, device: 'cpu' });
		if (network === 'detector' || network === 'recognizer') {
			expect(await model.generate(identity, { steps: 1 })).toHaveLength(1);
		} else {
			expect((await model.encode(photo, { face: keypoints })).embedding).toHaveLength(512);
		}
	});
});

test('the command line paints nothing, and fails', async () => {
	const bundle = await spoiled('for the command', cases[0].path, cases[0].spoil);
	const cli = fileURLToPath(new URL('../../dist/lib/cli/launch.cjs', import.meta.url));
	const file = folder.write('identity.json', Buffer.from(JSON.stringify([...identity])));
	const out = folder.path('painted');
	const child = spawn(
		process.execPath,
		[cli, 'generate', '--identity', file, '--bundle', bundle, '--out', out, '--steps', '2'],
		{
			stdio: ['ignore', 'pipe', 'pipe'],
		},
	);
	let stderr = '';
	child.stderr.on('data', (text) => {
		stderr += text;
	});
	const [code] = await once(child, 'close');
	expect(stderr).toContain('conv_out.weight');
	expect(code).toBe(1);
	expect(await readdir(out).catch(() => [])).toEqual([]);
});
