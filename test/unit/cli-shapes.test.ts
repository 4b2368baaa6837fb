// The options for the shapes that a model is loaded for.
import { describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../lib/cli/command.ts';
import { chosenShapes, chosenSize, shapeOptions } from '../../lib/cli/shapes.ts';
import { readList } from '../../lib/cli/values.ts';
import { Arc2Face } from '../../lib/index.ts';
import { runLine } from '../command-line.ts';

const shapes = (imageSizes?: string, batchSizes?: string, detectionSize?: number) =>
	chosenShapes({
		imageSizes: imageSizes === undefined ? undefined : readList(imageSizes),
		batchSizes: batchSizes === undefined ? undefined : readList(batchSizes),
		detectionSize,
	});

describe('shapes', () => {
	test('are lists of sizes and of numbers; what was not given is undefined', () => {
		expect(shapes('64x96, 128x128', '4, 2', 320)).toEqual({
			imageSizes: [
				{ width: 64, height: 96 },
				{ width: 128, height: 128 },
			],
			batchSizes: [4, 2],
			detectionSize: 320,
		});
		expect(shapes()).toEqual({ imageSizes: undefined, batchSizes: undefined, detectionSize: undefined });
	});

	test.each([
		[
			'512x512,512',
			undefined,
			'Expected sizes such as 512x512,512x768, with sides up to 2048, for --image-sizes but received "512"',
		],
		['', undefined, '--image-sizes but received ""'],
		[undefined, '1,two', 'Expected a number for --batch-sizes but received "two"'],
		[undefined, '1,', '--batch-sizes but received ""'],
	])('that are %j and %j are refused', (imageSizes, batchSizes, message) => {
		expect(() => shapes(imageSizes, batchSizes)).toThrow(message);
	});
});

describe('the size of the images', () => {
	const usual = { width: 512, height: 384, pixelsPerLatent: 8 };
	const choose = (width?: number, height?: number, list?: string) =>
		chosenSize({ width, height }, shapes(list).imageSizes, async () => usual);

	test('is none unless a side is given, and one side with the other of the usual size', async () => {
		expect(await choose()).toBeUndefined();
		expect(await choose(64, 96)).toEqual({ width: 64, height: 96 });
		expect(await choose(64)).toEqual({ width: 64, height: 384 });
		expect(await choose(undefined, 96)).toEqual({ width: 512, height: 96 });
		expect(await choose(undefined, 96, '64x96,512x96')).toEqual({ width: 64, height: 96 });
	});

	test('has to be on the list', async () => {
		await expect(choose(512, undefined, '64x96,512x512')).rejects.toThrow(
			new UsageError('Expected one of --image-sizes 64x96, 512x512 for --width and --height but received 512x96.'),
		);
		expect(await choose(512, 512, '64x96,512x512')).toEqual({ width: 512, height: 512 });
	});
});

describe('commands', () => {
	test.each(['generate', 'encode', 'detect', 'compare', 'engines build'])('%s has the options', async (name) => {
		const { help } = await runLine([...name.split(' '), '--help']);
		expect(Object.keys(shapeOptions)).toHaveLength(3);
		for (const option of ['--image-sizes', '--batch-sizes', '--detection-size']) expect(help).toContain(`${option} <`);
	});

	test('generate refuses a size that is not on the list before it loads a model', async () => {
		const load = vi.spyOn(Arc2Face, 'load');
		const { wrong } = await runLine(['generate', 'a.jpg', '--image-sizes', '512x512', '--width', '256']);
		expect(wrong).toMatch(/--image-sizes 512x512 .* received 256x512/);
		expect(load).not.toHaveBeenCalled();
	});
});
