// An error's remedy follows from its cause, not its code.
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { blamed } from '../../lib/bundle/blame.ts';
import { openBundle, withPull } from '../../lib/bundle/bundle.ts';
import { commandLineWording } from '../../lib/cli/wording.ts';
import { Arc2FaceError, type ErrorCode } from '../../lib/errors.ts';
import { fileFailed } from '../../lib/files/on-disk.ts';
import { fromNative } from '../../lib/native-error.ts';
import type { ResolvedLora } from '../../lib/options/loras.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { goldenFolder } from '../golden.ts';

// A file that nobody can read, not even root.
const forbidden = vi.hoisted(() => ({ path: '' }));
vi.mock('node:fs/promises', async (original) => {
	const fs = await original<typeof import('node:fs/promises')>();
	const open = (async (path: string, ...more: []) => {
		if (path !== forbidden.path) return await fs.open(path, ...more);
		throw Object.assign(new Error(`EACCES: permission denied, open '${path}'`), {
			code: 'EACCES',
			syscall: 'open',
			path,
		});
	}) as typeof fs.open;
	return { ...fs, open };
});

const folder = temporaryFolder();
const unet = 'arc2face/diffusion_pytorch_model.safetensors';
const pull = /arc2face pull/;

beforeAll(async () => {
	const source = join(packageRoot, 'models/tiny');
	const filter = (file: string) => !/recipe|evaluation|lcm-lora/.test(file.slice(source.length));
	for (const name of ['mine', 'home/arc2face']) await cp(source, folder.path(name), { recursive: true, filter });
	vi.stubEnv('ARC2FACE_HOME', folder.path('home'));
});
afterEach(() => {
	forbidden.path = '';
});

/** The error of opening a bundle with a change, which is undone. */
async function errorOf(
	bundle: string,
	file: string,
	change: (path: string) => Promise<unknown>,
): Promise<Arc2FaceError> {
	const path = join(bundle, file);
	const whole = await readFile(path);
	await change(path);
	const error = await openBundle(bundle).catch((thrown: unknown) => thrown);
	await writeFile(path, whole);
	expect(error).toBeInstanceOf(Arc2FaceError);
	return error as Arc2FaceError;
}
const forbid = async (path: string) => {
	forbidden.path = path;
};
const cut = (path: string) => truncate(path, 1000);
const setField = async (path: string) => {
	const config = JSON.parse(await readFile(path, 'utf8'));
	await writeFile(path, JSON.stringify({ ...config, act_fn: 'tanh' }));
};

test('both folders are bundles as they are', async () => {
	for (const name of ['mine', 'home/arc2face']) await expect(openBundle(folder.path(name))).resolves.toBeDefined();
});

describe('in a folder of the user, a pull is no remedy', () => {
	test.each<[string, string, (path: string) => Promise<unknown>, ErrorCode, RegExp]>([
		['for a fine-tune that is damaged', unet, cut, 'INVALID_WEIGHTS', /copy or download it again/i],
		['for weights that may not be read', unet, forbid, 'INVALID_WEIGHTS', /permission/],
		['for a field of a config', 'arc2face/config.json', setField, 'INVALID_BUNDLE', /Correct the field/],
		['for a network that is none', 'antelopev2/arcface.onnx', (path) => writeFile(path, 'x'), 'INVALID_WEIGHTS', /./],
	])('%s', async (_, file, change, code, remedy) => {
		const bundle = folder.path('mine');
		const error = await errorOf(bundle, file, change);
		expect(error).toMatchObject({ code, details: { file: join(bundle, file) } });
		expect(error.message).not.toMatch(pull);
		expect(error.message).not.toContain('Delete');
		expect(error.remedy).toMatch(remedy);
	});
});

describe('in the folder that a pull fills', () => {
	test.each([unet, 'antelopev2/arcface.onnx'])('a pull is what helps against a damaged %s', async (file) => {
		const error = await errorOf(folder.path('home/arc2face'), file, cut);
		expect(error).toMatchObject({ code: 'INVALID_WEIGHTS', remedy: expect.stringMatching(pull) });
	});

	test('a pull of the part that is missing', () => {
		const bundle = folder.path('home/arc2face');
		const remedyFor = (path: string) => {
			const missing = new Arc2FaceError('INVALID_BUNDLE', 'It is missing.', { details: { file: join(bundle, path) } });
			return (withPull(missing, bundle) as Arc2FaceError).remedy;
		};
		expect(remedyFor('controlnet')).toContain('`arc2face pull --with controlnet`');
		expect(remedyFor('exp_adapter/exp_adapter.bin')).toContain('`arc2face pull --with exp-adapter`');
		expect(remedyFor('taesd')).toBeUndefined(); // no pull has one
		expect(remedyFor('taesd/config.json')).toBeUndefined();
		expect(remedyFor('vae')).toContain('`arc2face pull`');
		expect(remedyFor('vae/diffusion_pytorch_model.safetensors')).toContain('`arc2face pull`');
	});

	test('it is not against a permission, nor against a field that somebody changed', async () => {
		const bundle = folder.path('home/arc2face');
		expect((await errorOf(bundle, unet, forbid)).message).not.toMatch(pull);
		expect((await errorOf(bundle, 'arc2face/config.json', setField)).message).not.toMatch(pull);
	});
});

describe('of a LoRA', () => {
	const lcm = 'lcm-lora/pytorch_lora_weights.safetensors';
	const whole = `${goldenFolder}adapters/lcm_lora/pytorch_lora_weights.safetensors`;
	const errorWith = (name: string, ...loras: ResolvedLora[]) =>
		openBundle(folder.path(name), { operators: 'standard', precision: 'fp32', loras }).catch(
			(thrown: unknown) => thrown,
		);

	test('that the official bundle lacks, or has damaged, a pull with it is what helps', async () => {
		const missing = await errorWith('home/arc2face', { name: 'lcm', scale: 1 });
		expect(missing).toMatchObject({
			code: 'INVALID_BUNDLE',
			problem: `The bundle has no LoRA "lcm": there is no folder ${folder.path('home/arc2face/lcm-lora')}.`,
			remedy: expect.stringContaining('`arc2face pull --with lcm-lora`'),
			details: { file: folder.path('home/arc2face/lcm-lora'), network: 'unet' },
		});
		await mkdir(folder.path('home/arc2face/lcm-lora'));
		await cp(whole, folder.path(`home/arc2face/${lcm}`));
		await cut(folder.path(`home/arc2face/${lcm}`));
		expect(await errorWith('home/arc2face', { name: 'lcm', scale: 1 })).toMatchObject({
			code: 'INVALID_WEIGHTS',
			remedy: expect.stringContaining('`arc2face pull --with lcm-lora`'),
			details: { file: folder.path(`home/arc2face/${lcm}`) },
		});
	});

	test('that another bundle lacks it is not', async () => {
		const missing = await errorWith('mine', { name: 'lcm', scale: 1 });
		expect(missing).toMatchObject({ code: 'INVALID_BUNDLE', details: { bundle: folder.path('mine') } });
		expect((missing as Arc2FaceError).message).not.toMatch(pull);
	});

	test('that is no file, but nearly a name, the name is what helps', async () => {
		for (const path of ['lmc', 'LCM', 'lcm']) {
			const error = (await errorWith('home/arc2face', { path, scale: 1 })) as Arc2FaceError;
			expect(error).toMatchObject({ code: 'INVALID_WEIGHTS', details: { systemCode: 'ENOENT' } });
			expect(error.remedy).toBe("`loras: ['lcm']` adds the bundle's own LoRA of that name.");
			expect(error.inWordsOf(commandLineWording).remedy).toBe("--lcm adds the bundle's own LoRA of that name.");
		}
		for (const path of ['style', './lcm', folder.path('lcm')]) {
			const error = (await errorWith('home/arc2face', { path, scale: 1 })) as Arc2FaceError;
			expect(error).toMatchObject({ code: 'INVALID_WEIGHTS', remedy: 'Copy or download the file.' });
		}
	});

	test("that is the user's own it is not, whatever the bundle", async () => {
		const file = folder.path('style.safetensors');
		await cp(whole, file);
		const unfit = await errorWith('home/arc2face', { path: file, scale: 1 });
		await cut(file);
		const damaged = await errorWith('home/arc2face', { path: file, scale: 1 });
		for (const error of [unfit, damaged] as Arc2FaceError[]) {
			expect(error).toMatchObject({ code: 'INVALID_WEIGHTS', details: { file, network: 'unet' } });
			expect(error.message).not.toMatch(pull);
		}
		expect(unfit).toMatchObject({ remedy: expect.stringContaining('made for this UNet') });
		expect(damaged).toMatchObject({ remedy: expect.stringContaining('copy or download it again') });
	});
});

describe('weights that turn out to be damaged at work', () => {
	const damaged = async (name: string) => {
		const bundle = await openBundle(folder.path(name));
		const details = { network: 'unet', file: join(bundle.folder, unet) };
		return blamed(new Arc2FaceError('INVALID_WEIGHTS', 'It became shorter.', { details }), bundle, 'run');
	};

	test('have a remedy that fits their folder', async () => {
		expect(await damaged('mine')).toMatchObject({
			message: expect.stringMatching(/^It became shorter\..* copy or download it again/),
			details: { network: 'unet', file: join(folder.path('mine'), unet) },
		});
		expect(await damaged('home/arc2face')).toMatchObject({ remedy: expect.stringMatching(pull) });
	});
});

describe('native code tells', () => {
	const remedyFor = (code: string, details: object) =>
		(fromNative(Object.assign(new Error('Some problem.'), { code, details })) as Arc2FaceError).remedy;

	test('what ran out of memory, and for what', () => {
		const painting = remedyFor('OUT_OF_MEMORY', { device: 'cpu', network: 'unet', bytes: 1e9 });
		const onGpu = remedyFor('OUT_OF_MEMORY', { device: 'cuda:0', network: 'unet' });
		const reading = remedyFor('OUT_OF_MEMORY', { device: 'cpu', network: 'detector' });
		expect(painting).toMatch(/`count`/);
		expect(painting).not.toMatch(/batchSizes|GPU/);
		expect(onGpu).toMatch(/`batchSizes`.*GPU/);
		expect(reading).toMatch(/`detectionSize`/);
		expect(reading).not.toMatch(/count/);
	});

	test('what an engine was not built for', () => {
		expect(remedyFor('INVALID_ARGUMENT', { option: 'width' })).toMatch(/`imageSizes`/);
		expect(remedyFor('INVALID_ARGUMENT', { option: 'guidanceScale' })).toMatch(/`batchSizes`/);
		expect(remedyFor('INVALID_ARGUMENT', {})).toBeUndefined();
	});

	test('whether a network failed or its numbers are not finite, and where', () => {
		const failed = { network: 'unet', device: 'cuda:0' };
		expect(remedyFor('ENGINE_FAILED', failed)).toMatch(/doctor/);
		expect(remedyFor('ENGINE_FAILED', { ...failed, tensor: 'eps' })).toMatch(/fp32.*weights/);
		expect(remedyFor('ENGINE_FAILED', { ...failed, tensor: 'eps', device: 'cpu' })).toMatch(/^Its weights/);
		expect(remedyFor('ENGINE_FAILED', { ...failed, tensor: 'x', network: 'detector' })).toMatch(/^Its weights/);
	});

	test('names and numbers, of which an error has those of its code', () => {
		const told = { network: 'unet', device: 'cpu', bytes: 12, tensor: 'x', other: 1 };
		const error = fromNative(Object.assign(new Error('x'), { code: 'OUT_OF_MEMORY', details: told })) as Arc2FaceError;
		expect(error.details).toEqual({ network: 'unet', device: 'cpu', bytes: 12 });
	});
});

test('the system tells what stands in the way of a file', () => {
	const codes = ['EACCES', 'ENOSPC', 'ENAMETOOLONG'];
	const remedies = codes.map((code) => fileFailed('write', 'it', Object.assign(new Error(code), { code })).remedy);
	expect(new Set(remedies).size).toBe(codes.length);
	expect(fileFailed('write', 'it', Object.assign(new Error('EIO'), { code: 'EIO' })).remedy).toBeUndefined();
});

test('no code has a remedy of its own', () => {
	for (const code of ['INVALID_WEIGHTS', 'ENGINE_FAILED', 'FILE_FAILED', 'NO_DEVICE'] as const) {
		expect(new Arc2FaceError(code, 'Some problem.')).toMatchObject({ message: 'Some problem.', remedy: undefined });
	}
});
