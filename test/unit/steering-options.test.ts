// The options for poses, expressions and references: what they become, and what is refused before any work.
import { describe, expect, test } from 'vitest';
import { steeringFeatures, steeringOf } from '../../lib/cli/steering.ts';
import { commandLineWording } from '../../lib/cli/wording.ts';
import type { Arc2FaceError } from '../../lib/errors.ts';
import { featuresOfLandmarks, ffhqSquare } from '../../lib/faces/ffhq.ts';
import { type GenerateOptions, resolveGenerateOptions } from '../../lib/options/generate.ts';
import { resolveLoadOptions } from '../../lib/options/load.ts';
import { readSteering, resolveSteering } from '../../lib/steering/steering.ts';

const geometry = { width: 128, height: 128, pixelsPerLatent: 8 };
const resolve = (options: object) => resolveGenerateOptions(options as GenerateOptions, 1, geometry);
const numbers = Array.from({ length: 55 }, (_, i) => i / 10);
const photo = { data: new Uint8Array(3 * 64 * 48).fill(90), width: 64, height: 48, channels: 3 as const };
const none = new Uint8Array();
const landmarks = Array.from({ length: 68 }, (_, i) => [10 + (i % 17), 10 + Math.floor(i / 4)] as const);

test('each feature of a model is an option of load', () => {
	expect(resolveLoadOptions({ control: true, reference: true }).features).toEqual(['control', 'reference']);
	expect(resolveLoadOptions({ expression: true, control: false }).features).toEqual(['expression']);
});

describe('refused with the name of the option, what it may be, and what it was', () => {
	test.each([
		[{ control: 'left' }, '`control` but received "left"'],
		[{ control: {} }, 'either a pose or an image for `control` but received neither'],
		[{ control: { pose: {}, image: none } }, 'either a pose or an image for `control` but received both'],
		[{ control: { turn: 3 } }, 'Expected pose, image, scale for the options of control but received `turn`'],
		[{ control: { pose: { yaw: 91 } } }, 'from -90 to 90 for `control.pose.yaw` but received 91'],
		[{ control: { pose: { pitch: '3' } } }, 'for `control.pose.pitch` but received "3"'],
		[{ control: { pose: { roll: Number.NaN } } }, 'for `control.pose.roll` but received NaN'],
		[{ control: { pose: { tilt: 3 } } }, 'yaw, pitch, roll for the options of control.pose but received `tilt`'],
		[{ control: { pose: [30, 0, 0] } }, 'an object for `control.pose` but received [30, 0, 0]'],
		[{ control: { pose: 30 } }, 'an object for `control.pose` but received 30'],
		[{ control: { image: null } }, 'a photo for `control.image`'],
		[{ control: { pose: {}, scale: -1 } }, 'from 0 to 2 for `control.scale` but received -1'],
		[
			{ expression: numbers.slice(1) },
			'a name, or 55 finite numbers (50 of the face, 2 of the eyelids, 3 of the jaw) for `expression` but received [0.1, ',
		],
		[{ expression: numbers.slice(1) }, ', 1.2, … 54 in all]'],
		[{ expression: new Float32Array(54) }, 'for `expression` but received a Float32Array of 54'],
		[{ expression: [...numbers.slice(1), Number.NaN] }, '`expression`'],
		[{ expression: '' }, '`expression` but received ""'],
		[{ expression: 7 }, '`expression` but received 7'],
		[{ expressionScale: 1 }, 'an expression for `expressionScale` but received none with it'],
		[{ expression: 'smile', expressionScale: 2.5 }, 'from 0 to 2 for `expressionScale` but received 2.5'],
		[{ reference: none }, '`reference.photo` but received none'],
		[{ reference: { scale: 1 } }, 'a photo for `reference.photo` but received none'],
		[{ reference: { photo: none, scale: Number.POSITIVE_INFINITY } }, '`reference.scale` but received Infinity'],
		[{ reference: { photo: none, align: 'no' } }, 'true or false for `reference.align` but received "no"'],
		[{ reference: { photo: none, face: 1.5 } }, '`reference.face` but received 1.5'],
		[{ reference: { photo: none, face: 0, align: false } }, 'no face for `reference.face`'],
		[{ reference: { photo: none, noise: [1, 2] } }, '`reference.noise`'],
		[{ reference: { photo: none, landmarks: landmarks.slice(1) } }, '68 points [x, y] for `reference.landmarks`'],
		[{ reference: { photo: none, landmarks: landmarks.map(([x]) => x) } }, '68 points [x, y]'],
		[{ reference: { photo: none, landmarks, align: false } }, 'no landmarks for `reference.landmarks`'],
		[{ reference: { photo: none, landmarks, face: 0 } }, 'either a face or landmarks for `reference.landmarks`'],
		[
			{ reference: { photo: none, noise: Float32Array.of(Number.NaN) } },
			'a Float32Array of finite numbers for `reference.noise`',
		],
	])('%j', (options, message) => {
		expect(() => resolve(options)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
		);
	});

	test.each([
		['--pose', { control: { pose: { yaw: 120 } } }],
		['--control-scale', { control: { pose: {}, scale: 3 } }],
		['--reference-scale', { reference: { photo: none, scale: 3 } }],
		['--expression-scale', { expression: 'smile', expressionScale: 3 }],
	])('on the command line by its flag, %s', (flag, options) => {
		let error: unknown;
		try {
			resolve(options);
		} catch (caught) {
			error = caught;
		}
		expect((error as Arc2FaceError).inWordsOf(commandLineWording).message).toContain(` for ${flag} but received`);
	});
});

describe('read for the core', () => {
	const bundle = { expressions: new Map([['smile', numbers]]), framing: 'ffhq', geometry } as const;
	const keypoints = [
		[20, 20],
		[40, 20],
		[30, 28],
		[22, 36],
		[38, 36],
	] as const;
	const found = { keypoints, warnings: [] };
	const read = async (options: GenerateOptions, images = 1, size = { width: 64, height: 64 }) =>
		await readSteering(resolveSteering(options, bundle.expressions), bundle, images, size, async () => found);

	test('with usual strengths', async () => {
		const { steering } = await read({ control: { pose: { yaw: 20 } }, expression: 'smile', reference: { photo } });
		expect(steering.control).toMatchObject({ image: { width: 64, height: 64 }, scale: 1 });
		expect(steering.expression).toEqual({ numbers: Float32Array.from(numbers), scale: 1 });
		expect(steering.reference).toMatchObject({ photo: { width: 64, height: 48 }, scale: 0.8 });
		expect(steering.reference!.face).toHaveLength(8);
	});

	test('with others', async () => {
		const { steering, referenceNoise } = await read(
			{
				control: { image: photo, scale: 0.5 },
				expression: Float32Array.from(numbers),
				expressionScale: 0,
				reference: { photo, align: false, scale: 1, noise: new Float32Array(2 * 4 * 8 * 8) },
			},
			2,
		);
		expect(steering.control).toMatchObject({ image: { width: 64, height: 48 }, scale: 0.5 });
		expect(steering.expression!.scale).toBe(0);
		expect(steering.reference).not.toHaveProperty('face');
		expect(referenceNoise.map(({ length }) => length)).toEqual([256, 256]);
	});

	test('with landmarks, which need no face to be found', async () => {
		const asked = resolveSteering({ reference: { photo, landmarks } }, bundle.expressions);
		const call = readSteering(asked, bundle, 1, geometry, async () => expect.unreachable());
		expect((await call).steering.reference!.face).toEqual(ffhqSquare(featuresOfLandmarks(landmarks)));
	});

	test('what is not asked for is left out', async () => {
		expect(await read({})).toEqual({ steering: {}, referenceNoise: [], warnings: [] });
	});

	test.each([
		[
			'an expression that the bundle does not know',
			{ expression: 'smirk' },
			/one of smile for `expression` but received "smirk"/,
		],
		[
			'noise of another size',
			{ reference: { photo, noise: new Float32Array(7) } },
			/256 numbers for `reference\.noise` but received 7/,
		],
	])('%s is refused', async (_, options, message) => {
		await expect(read(options)).rejects.toThrow(message);
	});

	test('a name where the bundle knows none is refused with the reason', () => {
		expect(() => resolveSteering({ expression: 'smile' }, new Map())).toThrow(
			/55 numbers for `expression`.*no expressions\.json/,
		);
	});

	test("a photo that can't be read is named by its option", async () => {
		await expect(read({ control: { image: 7 as never } })).rejects.toThrow(/`control\.image`/);
		await expect(read({ reference: { photo: 7 as never } })).rejects.toThrow(/`reference\.photo`/);
		await expect(read({ reference: { photo: Buffer.from('GIF89a') } })).rejects.toMatchObject({
			code: 'INVALID_IMAGE',
		});
	});
});

describe('the command line', () => {
	const values = (given: object) => given as Parameters<typeof steeringOf>[0];

	test.each([
		[{ pose: '30,-5,0.5' }, { control: { pose: { yaw: 30, pitch: -5, roll: 0.5 } } }],
		[
			{ pose: '30', controlScale: 0.7 },
			{ control: { pose: { yaw: 30, pitch: undefined, roll: undefined }, scale: 0.7 } },
		],
		[{ control: 'map.png' }, { control: { image: 'map.png' } }],
		[
			{ expression: 'smile', expressionScale: 0.5 },
			{ expression: 'smile', expressionScale: 0.5 },
		],
		[{ expression: '0.5,-1' }, { expression: [0.5, -1] }],
		[
			{ reference: 'a.jpg', referenceScale: 1, referenceAsIs: true },
			{ reference: { photo: 'a.jpg', scale: 1, align: false } },
		],
		[{ reference: 'a.jpg', referenceFace: '2' }, { reference: { photo: 'a.jpg', face: 2 } }],
		[{}, {}],
	])('%j', (given, expected) => {
		expect(steeringOf(values(given))).toEqual(expected);
	});

	test('implies what the model is loaded with', () => {
		expect(steeringFeatures(values({}))).toEqual([]);
		expect(steeringFeatures(values({ pose: '1' }))).toEqual(['control']);
		expect(steeringFeatures(values({ control: 'a.png', expression: 'smile' }))).toEqual(['control', 'expression']);
		expect(steeringFeatures(values({ reference: 'a.png' }))).toEqual(['reference']);
	});

	test.each([
		[{ pose: '30', control: 'a.png' }, 'Expected either --pose or --control but received both.'],
		[{ pose: '1,2,3,4' }, 'numbers YAW,PITCH,ROLL, in degrees, for --pose but received "1,2,3,4".'],
		[{ pose: 'left' }, "--pose 30,0,0 turns the face to the image's right, --pose -30,0,0 to its left."],
		[{ pose: '30,' }, '--pose but received "30,".'],
		[{ controlScale: 1 }, 'Expected --pose or --control with --control-scale but received none.'],
		[{ referenceScale: 1 }, 'Expected --reference with --reference-scale but received none.'],
		[{ referenceAsIs: true }, 'Expected --reference with --reference-as-is but received none.'],
		[{ expression: '1,x' }, '--expression'],
		[{ referenceFace: '1' }, 'Expected --reference with --reference-face but received none.'],
		[{ reference: 'a.jpg', referenceFace: '-1' }, 'Expected largest, only or an index for --reference-face'],
		[
			{ reference: 'a.jpg', referenceFace: '1', referenceAsIs: true },
			'Expected either --reference-face or --reference-as-is but received both.',
		],
	])('refuses %j', (given, message) => {
		expect(() => steeringOf(values(given))).toThrow(message);
	});
});
