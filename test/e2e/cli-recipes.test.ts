// `generate --recipe` of portraits that are steered or begin as photos, from the command line.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { mask, photo } from '../mixtures.ts';
import { useProgram } from '../program.ts';

const { current, run } = useProgram();
const bundle = temporaryFolder().path('bundle');
const inFolder = (name: string) => join(current.folder, name);
const pixelsOf = async (name: string) => Buffer.from(await sharp(inFolder(name)).raw().toBuffer());

beforeAll(() => writeRandomBundle(bundle, { size: 'tiny', seed: 11, adapters: true, lcmLora: true }));
beforeEach(async () => {
	const embedding = Array.from({ length: 512 }, (_, i) => Math.sin(i + 1));
	await writeFile(inFolder('anna.json'), JSON.stringify({ embedding }));
	const { data, ...raw } = photo;
	await sharp(data, { raw }).png().toFile(inFolder('room.png'));
	await sharp(data, { raw }).negate().png().toFile(inFolder('other.png'));
	const { data: levels, ...grey } = mask;
	await sharp(levels, { raw: grey }).png().toFile(inFolder('mask.png'));
});

const generate = (...args: string[]) =>
	run('generate', '--bundle', bundle, '--device', 'cpu', '--cache-dir', inFolder('cache'), '--no-provenance', ...args);
const all = [
	...['--identity', 'anna.json', '--lcm', '--seed', '1', '--steps', '3', '--image', 'room.png', '--strength', '0.9'],
	...['--mask', 'mask.png', '--overlay', '--control', 'room.png', '--control-scale', '0.5', '--expression', 'smile'],
	...['--expression-scale', '0.7', '--reference', 'room.png', '--reference-as-is', '--reference-scale', '1.1'],
];
const photos = ['--image', 'room.png', '--mask', 'mask.png', '--control', 'room.png', '--reference', 'room.png'];
const saved = ['--recipe', 'a.recipe.json', '--lcm'];

describe('a recipe of everything', () => {
	beforeEach(async () => {
		const { code, stderr } = await generate(...all, '--save-recipe', '--out', 'a.png');
		expect([code, stderr]).toEqual([0, expect.not.stringContaining('OTHER')]);
	});

	test('paints it again from the same photos, and says so of others', async () => {
		const same = await generate(...saved, ...photos, '--save-recipe', '--out', 'b.png');
		expect([same.code, same.stderr.includes('a.recipe.json')]).toEqual([0, true]);
		expect(same.stderr).not.toContain('another photo');
		expect(await pixelsOf('b.png')).toEqual(await pixelsOf('a.png'));
		expect(await readFile(inFolder('b.recipe.json'))).toEqual(await readFile(inFolder('a.recipe.json')));

		const others = await generate(...saved, ...photos.with(-1, 'other.png'), '--json', '--out', 'c.png');
		expect([others.code, others.stderr]).toEqual([0, expect.stringContaining('made with another photo for reference')]);
		const [{ portraits }] = JSON.parse(others.stdout).results;
		expect(portraits[0].warnings.map(({ code }: { code: string }) => code)).toEqual(['OTHER_PHOTO']);
		expect(await pixelsOf('c.png')).not.toEqual(await pixelsOf('a.png'));
	});

	test('names the flags of the photos that it needs, before a model is loaded', async () => {
		for (let at = 0; at < photos.length; at += 2) {
			const flag = photos[at]!;
			const { code, stderr } = await generate(...saved, ...photos.toSpliced(at, 2), '--out', 'b.png');
			expect([code, stderr]).toEqual([
				2,
				expect.stringContaining(`the photo that the recipe was made with for ${flag} but received none`),
			]);
			expect(stderr).not.toContain('loading');
		}
	});

	test('gives way to flags', async () => {
		const own = ['--pose', '20', '--expression', 'frown', '--strength', '0.5'];
		const { code } = await generate(...saved, ...photos.toSpliced(4, 2), ...own, '--save-recipe', '--out', 'b.png');
		expect(code).toBe(0);
		const { edit, control, expression, reference } = JSON.parse(await readFile(inFolder('b.recipe.json'), 'utf8'));
		expect([edit.strength, control, expression.scale]).toEqual([
			...[0.5, { pose: { yaw: 20, pitch: 0, roll: 0 }, scale: 0.5 }, 0.7],
		]);
		const before = JSON.parse(await readFile(inFolder('a.recipe.json'), 'utf8'));
		expect(expression.numbers).not.toEqual(before.expression.numbers);
		expect(reference).toEqual(before.reference);
	});
});

test('the scale of a pose of a recipe may be another', async () => {
	const pose = ['--identity', 'anna.json', '--seed', '1', '--steps', '3', '--pose', '30'];
	await generate(...pose, '--save-recipe', '--out', 'a.png');
	const { code, stderr } = await generate('--recipe', 'a.recipe.json', '--control-scale', '0.5', '--out', 'b.png');
	expect([code, stderr]).toEqual([0, expect.any(String)]);
	await generate(...pose, '--control-scale', '0.5', '--out', 'c.png');
	expect(await pixelsOf('b.png')).toEqual(await pixelsOf('c.png'));
});
