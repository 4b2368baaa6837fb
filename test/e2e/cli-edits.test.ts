// `generate --image`: image-to-image and inpainting from the command line.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import { goldenFolder, maxAbsError } from '../golden.ts';
import { useProgram } from '../program.ts';

const { current, run, start } = useProgram();
const embedding = Array.from({ length: 512 }, (_, i) => Math.sin(i + 1));
const pixels = (width: number, height: number) =>
	Uint8Array.from({ length: 3 * width * height }, (_, i) => 127 + 100 * Math.sin(i / 90));
const inFolder = (name: string) => join(current.folder, name);
beforeEach(async () => {
	await writeFile(inFolder('anna.json'), JSON.stringify({ embedding }));
	const raw = { width: 75, height: 66, channels: 3 } as const;
	await sharp(pixels(75, 66), { raw }).png().toFile(inFolder('room.png'));
	// Black on the left, white on the right.
	const halves = Uint8Array.from({ length: 75 * 66 }, (_, i) => (i % 75 < 37 ? 0 : 255));
	await sharp(halves, { raw: { ...raw, channels: 1 } })
		.png()
		.toFile(inFolder('mask.png'));
});

const model = ['--bundle', `${goldenFolder}tiny-sd`, '--device', 'cpu', '--steps', '4', '--seed', '1'];
/** Without marks: pixels are read back. */
const generate = (...args: string[]) =>
	run('generate', '--identity', 'anna.json', ...model, '--no-provenance', ...args);
const painted = async (name: string) => {
	const { data, info } = await sharp(inFolder(name)).raw().toBuffer({ resolveWithObject: true });
	return { data, size: `${info.width}x${info.height}` };
};

test('paints over a photo, at its size cut to whole latents, in the steps that the strength leaves', async () => {
	const { code, stdout, stderr } = await generate('--image', 'room.png', '--strength', '0.5', '--out', 'a.png');
	expect([code, stderr]).toEqual([0, expect.stringContaining('anna.json: 2 steps')]);
	expect(stdout).toContain('72×64');
	await generate('--image', 'room.png', '--strength', '0.5', '--out', 'again.png');
	await generate('--image', 'room.png', '--strength', '1', '--out', 'strong.png');
	const [first, again, strong] = await Promise.all(['a.png', 'again.png', 'strong.png'].map(painted));
	expect(first!.size).toBe('72x64');
	expect(Buffer.compare(first!.data, again!.data)).toBe(0);
	expect(Buffer.compare(first!.data, strong!.data)).not.toBe(0);
});

test('paints inside a mask, and with an overlay changes nothing else', async () => {
	const size = ['--width', '72', '--height', '64'];
	const edit = ['--image', 'room.png', '--mask', 'mask.png', ...size];
	expect(await generate(...edit, '--overlay', '--out', 'a.png')).toMatchObject({ code: 0 });
	expect(
		await generate('--image', 'a.png', '--mask', 'mask.png', ...size, '--overlay', '--out', 'b.png'),
	).toMatchObject({
		code: 0,
	});
	const [first, second] = await Promise.all(['a.png', 'b.png'].map(painted));
	// Black is up to column 36 of 75, which is 35.5 of 72; what LANCZOS smears of the edge reaches three pixels.
	const left = (data: Buffer) => data.filter((_, i) => Math.floor(i / 3) % 72 < 31);
	const right = (data: Buffer) => data.filter((_, i) => Math.floor(i / 3) % 72 > 40);
	expect(maxAbsError(left(first!.data), left(second!.data))).toBe(0);
	expect(maxAbsError(right(first!.data), right(second!.data))).toBeGreaterThan(0);
});

describe('what is wrong is told with the names of the flags, before a model is loaded', () => {
	test.each<[string[], number, RegExp]>([
		[['--strength', '0.5'], 2, /Expected an image for --strength but received none with it/],
		[['--mask', 'mask.png'], 2, /Expected an image for --mask/],
		[['--image', 'room.png', '--overlay'], 2, /Expected a mask for --overlay/],
		[['--image', 'room.png', '--strength', '2'], 2, /from 0 to 1 for --strength but received 2/],
		[['--image', 'gone.png'], 1, /Can't read the photo gone\.png/],
		[['--image', 'room.png', '--mask', 'anna.json'], 1, /Can't read the photo anna\.json/],
		[['--image', 'small.png'], 2, /for --image but received 5 × 66\. Pass --width and --height/],
		[['--image', 'room.png', '--width', '70'], 2, /a multiple of 8 .* for --width but received 70/],
		[['--image', 'room.png', '--image-sizes', '128x128'], 2, /Expected one of --image-sizes 128x128 .* received 72x64/],
	])('%j', async (args, code, message) => {
		await sharp(pixels(5, 66), { raw: { width: 5, height: 66, channels: 3 } })
			.png()
			.toFile(inFolder('small.png'));
		const ended = await generate(...args, '--out', 'a.png');
		expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
		expect(ended.stderr).not.toContain('loading');
	});

	test('a strength that runs no step, once the steps are known', async () => {
		const { code, stdout } = await generate('--image', 'room.png', '--strength', '0.1', '--json', '--out', 'a.png');
		expect(code).toBe(2);
		const [{ error }] = JSON.parse(stdout).results;
		expect(error).toMatchObject({
			...{ code: 'INVALID_ARGUMENT', details: { option: 'strength' } },
			problem: 'anna.json: Expected at least 0.25 with 4 steps for --strength but received 0.1.',
		});
	});

	test('no input is overwritten', async () => {
		const before = await readFile(inFolder('room.png'));
		const { code, stderr } = await generate('--image', 'room.png', '--out', 'room.png', '--force');
		expect([code, stderr]).toEqual([2, expect.stringContaining('room.png')]);
		expect(Buffer.compare(await readFile(inFolder('room.png')), before)).toBe(0);
	});
});

test.skipIf(process.platform !== 'linux')('on a GPU the engines are those of the size of the photo', async () => {
	const inside = process.env.ARC2FACE_INSIDE
		? dirname(process.env.ARC2FACE_INSIDE)
		: join(import.meta.dirname, '../../build/Release/inside');
	const standIn = { ARC2FACE_PROVIDER: join(inside, 'arc2face_stand_in.so') };
	const where = ['--bundle', `${goldenFolder}tiny-sd`, '--device', 'cuda', '--cache-dir', 'cache'];
	const built = await start(['engines', 'build', ...where, '--edit', '--image-sizes', '72x64'], standIn).ended;
	expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^vaeEncoder .* built/m) });
	const args = ['generate', '--identity', 'anna.json', '--steps', '2', ...where, '--image', 'room.png', '--seed', '1'];
	const ended = await start([...args, '--out', 'a.png'], standIn).ended;
	expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('72×64') });
	expect(ended.stderr).not.toContain('building');
});
