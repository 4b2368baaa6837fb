// The digests of a bundle's weights: what they are of, when files are read, and that they are of what was loaded.
import { createHash } from 'node:crypto';
import { chmod, cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { LoadedWeights } from '../../lib/bundle/digests.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const unetFile = 'arc2face/diffusion_pytorch_model.safetensors';
let made = 0;

/** A copy of the embedded bundle, whose UNet is large enough to be remembered. */
async function copyBundle() {
	const bundle = folder.path(`bundle-${made++}`);
	for (const part of ['arc2face', 'encoder', 'vae', 'scheduler', 'tokens.json']) {
		await cp(join(packageRoot, 'models/tiny', part), join(bundle, part), { recursive: true });
	}
	return bundle;
}
const load = async (bundle: string, cacheDir = folder.path(`cache-${made++}`)) =>
	LoadedWeights.of(await openBundle(bundle), cacheDir);
const sha256 = async (...path: string[]) =>
	createHash('sha256')
		.update(await readFile(join(...path)))
		.digest('hex');

test('are those of the files, as any program computes them', async () => {
	const bundle = await copyBundle();
	const { weights } = await (await load(bundle)).digests();
	expect(weights).toEqual({
		textEncoder: [await sha256(bundle, 'encoder/model.safetensors')],
		unet: [await sha256(bundle, unetFile)],
		vaeDecoder: [await sha256(bundle, 'vae/diffusion_pytorch_model.safetensors')],
	});
});

test('are the same wherever the bundle is, and others with another schedule or prompt', async () => {
	const [one, other] = [await copyBundle(), await copyBundle()];
	const expected = await (await load(one)).digests();
	expect(await (await load(other)).digests()).toEqual(expected);
	const change = async (file: string, from: string, to: string) => {
		const text = await readFile(join(other, file), 'utf8');
		expect(text).toContain(from);
		await writeFile(join(other, file), text.replace(from, to));
		const changed = await (await load(other)).digests();
		expect(changed.weights).toEqual(expected.weights);
		expect(changed.settings).not.toBe(expected.settings);
		await writeFile(join(other, file), text);
	};
	await change('scheduler/scheduler_config.json', '"beta_end": 0.012', '"beta_end": 0.013');
	await change('scheduler/scheduler_config.json', '"steps_offset": 1', '"steps_offset": 0');
	await change('tokens.json', '"identityPosition": ', '"identityPosition": 1');
	expect(await (await load(other)).digests()).toEqual(expected);
});

describe('reading', () => {
	test('happens when they are asked for, once, and not again by who loads next', async () => {
		const [bundle, cacheDir] = [await copyBundle(), folder.path(`cache-${made++}`)];
		const weights = await load(bundle, cacheDir);
		const engines = join(cacheDir, 'engines');
		await expect(readdir(engines)).rejects.toMatchObject({ code: 'ENOENT' });
		const [first, second] = await Promise.all([weights.digests(), weights.digests()]);
		expect(second).toBe(first);
		// What is remembered is believed, so the file is not read.
		const notes = await Promise.all(
			(await readdir(engines)).map(async (name) => JSON.parse(await readFile(join(engines, name), 'utf8'))),
		);
		const known = notes.find(({ file }) => file === join(bundle, unetFile));
		const note = join(engines, `${createHash('sha256').update(known.file).digest('hex')}.digest`);
		await writeFile(note, JSON.stringify({ ...known, sha256: 'f'.repeat(64) }));
		expect((await (await load(bundle, cacheDir)).digests()).weights.unet).toEqual(['f'.repeat(64)]);
	});

	test('goes on for others when one is let go', async () => {
		const weights = await load(await copyBundle());
		const abort = new AbortController();
		const [left, stays] = [weights.digests(abort.signal), weights.digests()];
		const reason = new Error('changed my mind');
		abort.abort(reason);
		await expect(left).rejects.toBe(reason);
		expect(Object.keys((await stays).weights)).toHaveLength(3);
		await expect(weights.digests(abort.signal)).rejects.toBe(reason);
	});

	test.skipIf(process.getuid?.() === undefined)('trusts no cache that others can write to', async () => {
		const [bundle, cacheDir] = [await copyBundle(), folder.path(`cache-${made++}`)];
		const expected = await (await load(bundle, cacheDir)).digests();
		const engines = join(cacheDir, 'engines');
		const [name = ''] = await readdir(engines);
		const known = JSON.parse(await readFile(join(engines, name), 'utf8'));
		await writeFile(join(engines, name), JSON.stringify({ ...known, sha256: 'f'.repeat(64) }));
		await chmod(engines, 0o777);
		expect(await (await load(bundle, cacheDir)).digests()).toEqual(expected);
	});

	test('does without a cache where there can be none', async () => {
		const bundle = await copyBundle();
		const expected = await (await load(bundle)).digests();
		const file = folder.path('no-folder');
		await writeFile(file, '');
		expect(await (await load(bundle, file)).digests()).toEqual(expected);
	});
});

describe('a file that is not the one that was loaded', () => {
	test('is refused, named, and so long', async () => {
		const bundle = await copyBundle();
		const weights = await load(bundle);
		const [path, old] = [join(bundle, unetFile), folder.path(`old-${made++}`)];
		await rename(path, old);
		await expect(weights.digests()).rejects.toMatchObject({ code: 'FILE_FAILED', details: { file: path } });
		await cp(old, path); // the same bytes, but who knows
		await expect(weights.digests()).rejects.toMatchObject({
			code: 'FILE_FAILED',
			message: expect.stringMatching(/replaced since then\. Load the model again/),
			details: { file: path },
		});
		await rm(path);
		await rename(old, path);
		expect((await weights.digests()).weights.unet).toEqual([await sha256(path)]);
	});

	test('is not one whose permissions are others', async () => {
		const bundle = await copyBundle();
		const weights = await load(bundle);
		await chmod(join(bundle, unetFile), 0o400);
		expect((await weights.digests()).weights.unet).toEqual([await sha256(bundle, unetFile)]);
	});
});
