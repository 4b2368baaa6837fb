// Normal maps of poses: against the recipe's renderer, whose maps the embedded bundle's ControlNet learned from, and by what they show.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cameraFor, turned } from '../../lib/steering/camera.ts';
import { neutralHead } from '../../lib/steering/head.ts';
import { drawPose } from '../../lib/steering/pose-map.ts';
import { readSafetensors } from '../../models/weights/safetensors.ts';

const recipe = { cameraDistance: 11, headHeight: 0.76 };
const file = fileURLToPath(new URL('../fixtures/pose-maps.safetensors', import.meta.url));
const { tensors } = await readSafetensors(file);
const bytes = (name: string) => {
	const { offset, length } = tensors.get(name)!;
	return new Uint8Array(readFileSync(file).subarray(offset, offset + length));
};
const poses = new Float32Array(bytes('poses').buffer);
const maps = bytes('maps');
const side = 96;
const head = await neutralHead();

/** The share of values that differ by more than a level. */
function difference(a: Uint8Array, b: Uint8Array): number {
	expect(a.length).toBe(b.length);
	return a.filter((level, i) => Math.abs(level - b[i]!) > 1).length / a.length;
}

/** In levels. */
function onAverage(a: Uint8Array, b: Uint8Array): number {
	return a.reduce((sum, level, i) => sum + Math.abs(level - b[i]!), 0) / a.length;
}

/** x and y of the pixels that show the head, their mean and their bounds, in shares of the side. */
function shapeOf(map: Uint8Array, width: number) {
	const shown = Array.from({ length: map.length / 3 }, (_, i) => i).filter((i) => map[3 * i + 2] !== 128);
	const xs = shown.map((i) => (i % width) / width);
	const ys = shown.map((i) => Math.floor(i / width) / width);
	const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
	return {
		share: shown.length / (map.length / 3),
		x: mean(xs),
		y: mean(ys),
		top: Math.min(...ys),
		bottom: Math.max(...ys),
	};
}

describe('maps are those of the recipe', () => {
	test('there are four', () => expect(poses.length).toBe(12));

	test.each([0, 1, 2, 3])('pose %i', async (i) => {
		const [yaw, pitch, roll] = poses.slice(3 * i, 3 * i + 3) as unknown as [number, number, number];
		const map = await drawPose({ yaw, pitch, roll }, recipe, { width: side, height: side });
		const expected = maps.slice(i * side * side * 3, (i + 1) * side * side * 3);
		// It computes in float32: a level of rounding, and now and then a pixel at the edge that is half covered.
		expect(difference(map, expected)).toBeLessThan(0.001);
		if (i > 0) expect(difference(map, maps.slice(0, map.length))).toBeGreaterThan(0.1);
	});
});

describe('a pose', () => {
	const draw = (pose: object, framing: 'ffhq' | typeof recipe = 'ffhq') =>
		drawPose(pose, framing, { width: 64, height: 64 });
	const mirrored = (map: Uint8Array) =>
		Uint8Array.from(map, (_, i) => {
			const [pixel, channel] = [Math.floor(i / 3), i % 3];
			const level = map[3 * (pixel - (pixel % 64) + 63 - (pixel % 64)) + channel]!;
			return channel === 0 && level !== 128 ? 256 - level : level;
		});

	test.each(['ffhq', recipe] as const)('to the other side is its mirror image: %j', async (framing) => {
		const right = await draw({ yaw: 25, pitch: 5, roll: 10 }, framing);
		const left = await draw({ yaw: -25, pitch: 5, roll: -10 }, framing);
		// The grid of vertices is no mirror image of itself.
		expect(onAverage(mirrored(left), right)).toBeLessThan(2);
		expect(onAverage(left, right)).toBeGreaterThan(10);
	});

	test('with yaw turns the face to the right of the image', () => {
		const tip = head.positions.reduce(
			(best, _, i) => (i % 3 === 2 && head.positions[i]! > head.positions[best]! ? i : best),
			2,
		);
		const nose = head.positions.slice(tip - 2, tip + 1);
		expect(Math.abs(nose[0]!)).toBeLessThan(0.1);
		expect(turned(nose, { yaw: 30 })[0]).toBeGreaterThan(0.4);
		expect(turned(nose, { pitch: 20 })[1]).toBeGreaterThan(nose[1]! + 0.2);
		// Clockwise in the image, so what is above goes to the right.
		expect(turned([0, 1, 0], { roll: 20 })[0]).toBeGreaterThan(0.4);
	});

	test('is of a head that looks at the viewer in the middle, and grey around it', async () => {
		const map = await draw({});
		const pixel = (x: number, y: number) => [...map.slice(3 * (y * 64 + x), 3 * (y * 64 + x) + 3)];
		expect(pixel(1, 1)).toEqual([128, 128, 128]);
		expect(pixel(62, 1)).toEqual([128, 128, 128]);
		const [red, green, blue] = pixel(32, 18); // the forehead
		expect(Math.abs(red! - 128)).toBeLessThan(25);
		expect(green!).toBeGreaterThan(120);
		expect(blue!).toBeGreaterThan(220);
	});
});

describe('framing', () => {
	test("puts eyes and mouth where FFHQ's alignment does", () => {
		const size = { width: 512, height: 512 };
		for (const pose of [{}, { yaw: 30 }, { yaw: -45, pitch: 15, roll: 20 }]) {
			const camera = cameraFor(head, pose, 'ffhq', size);
			const [eyes, mouth] = [camera(turned(head.eyes, pose)), camera(turned(head.mouth, pose))];
			const middle = (of: Float64Array, axis: number) => (of[axis]! + of[3 + axis]!) / 2;
			const [eye, lips] = [0, 1].map((axis) => [middle(eyes, axis), middle(mouth, axis)]) as [number[], number[]];
			// The middle of the image is a tenth of the way from the eyes to the mouth.
			expect(eye[0]! + 0.1 * (eye[1]! - eye[0]!)).toBeCloseTo(255.5, 6);
			expect(lips[0]! + 0.1 * (lips[1]! - lips[0]!)).toBeCloseTo(255.5, 6);
			const e = Math.hypot(eyes[3]! - eyes[0]!, eyes[4]! - eyes[1]!);
			const m = Math.hypot(eye[1]! - eye[0]!, lips[1]! - lips[0]!);
			expect(2 * Math.max(2 * e, 1.8 * m)).toBeCloseTo(512, 4);
		}
	});

	test('of an image that is not square keeps the head whole', async () => {
		const [square, wide, tall] = await Promise.all(
			[
				[64, 64],
				[96, 64],
				[64, 96],
			].map(([width, height]) => drawPose({ yaw: 20 }, recipe, { width: width!, height: height! })),
		);
		expect(wide!.length).toBe(3 * 96 * 64);
		const area = (map: Uint8Array, width: number) => shapeOf(map, width).share * (map.length / 3);
		expect(area(wide!, 96)).toBeCloseTo(area(square!, 64), -1);
		expect(area(tall!, 64)).toBeCloseTo(area(square!, 64), -1);
		expect(shapeOf(wide!, 96).x * 96 - shapeOf(square!, 64).x * 64).toBeCloseTo(16, 0);
		expect(shapeOf(tall!, 64).y - shapeOf(square!, 64).y).toBeCloseTo(0.25, 1);
	});
});

test('drawing a large map lets others have their turns', async () => {
	let turns = 0;
	const timer = setInterval(() => turns++, 0);
	await drawPose({ yaw: 30 }, 'ffhq', { width: 512, height: 512 });
	clearInterval(timer);
	expect(turns).toBeGreaterThanOrEqual(3);
});
