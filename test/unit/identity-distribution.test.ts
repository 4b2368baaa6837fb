// The distribution that new identities are drawn from: principal components of embeddings.
import { describe, expect, test } from 'vitest';
import { commandLineWording } from '../../lib/cli/wording.ts';
import { fitDistribution } from '../../lib/dataset/identities/distribution.ts';
import { unitVectors } from '../../lib/dataset/identities/unit.ts';
import type { Arc2FaceError } from '../../lib/errors.ts';
import { torchGenerator } from '../torch-randn.ts';

const length = 512;

/** m + Σ ± sₙ eₙ, every choice of signs once: their mean is m, their covariance has the entries sₙ² r / (r − 1) alone, of r rows. */
function corners(deviations: Readonly<Record<number, number>>, mean: readonly number[] = []): Float32Array {
	const axes = Object.keys(deviations).map(Number);
	const data = new Float32Array(2 ** axes.length * length);
	for (let i = 0; i < 2 ** axes.length; i++) {
		for (const [k, value] of mean.entries()) data[i * length + k] = value;
		for (const [n, axis] of axes.entries())
			data[i * length + axis]! += (i >> n) & 1 ? deviations[axis]! : -deviations[axis]!;
	}
	return data;
}

describe('principal components', () => {
	const vectors = { data: corners({ 3: 0.25, 100: 2, 511: 0.5 }, [1, -3]), length };

	test('are directions without correlation, as long as their standard deviation, the longest first', async () => {
		const { mean, components } = await fitDistribution(vectors, undefined);
		for (const [k, expected] of [1, -3, 0, 0].entries()) expect(mean[k]).toBeCloseTo(expected, 12);
		const axes = [100, 511, 3];
		expect(components).toHaveLength(axes.length * length);
		for (const [n, axis] of axes.entries()) {
			const component = components.subarray(n * length, (n + 1) * length);
			const expected = [2, 0.5, 0.25][n]! * Math.sqrt(8 / 7);
			const others = component.map((number, k) => (k === axis ? 0 : number));
			// Rounding errors of a decomposition are a few 2^-53 of the largest variance.
			expect(Math.abs(component[axis]!)).toBeCloseTo(expected, 12);
			expect(others.every((number) => Math.abs(number) < 1e-12)).toBe(true);
		}
	});

	test('are left out from the end', async () => {
		const [two, three] = await Promise.all([2, undefined].map((kept) => fitDistribution(vectors, kept)));
		expect(three!.components).toHaveLength(3 * length);
		expect(two!.components).toEqual(three!.components.subarray(0, 2 * length));
	});

	test('of correlated numbers have their covariance', async () => {
		const draw = torchGenerator(5);
		const mix = Array.from({ length: 6 }, () => draw(length));
		const rows = 40;
		const data = Float32Array.from(
			Array.from({ length: rows }, () => {
				const weights = draw(6);
				return mix[0]!.map((_, k) => mix.reduce((sum, direction, n) => sum + weights[n]! * direction[k]!, 0));
			}).flatMap((vector) => Array.from(vector)),
		);
		const { mean, components } = await fitDistribution({ data, length }, undefined);
		// What rounding to float32 adds in other directions, 2^-48 of the variance, is no more than the decomposition's own rounding.
		expect(components.length / length).toBe(6);
		for (const [j, k] of [
			[0, 0],
			[7, 300],
			[511, 12],
		] as const) {
			let expected = 0;
			let fitted = 0;
			for (let i = 0; i < rows; i++)
				expected += (data[i * length + j]! - mean[j]!) * (data[i * length + k]! - mean[k]!);
			for (let at = 0; at < components.length; at += length) fitted += components[at + j]! * components[at + k]!;
			expect(fitted).toBeCloseTo(expected / (rows - 1), 9);
		}
	});

	test('are no more than there are', async () => {
		await expect(fitDistribution(vectors, 4)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: 'Expected at most 3, as many as these embeddings have, for `components` but received 4.',
		});
	});

	test.each([
		['one', vectors.data.slice(0, length)],
		['several of one person', corners({ 7: 0 }, [1])],
	])('%s embedding has none', async (_, data) => {
		await expect(fitDistribution({ data, length }, undefined)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining('Expected at least two that differ for `embeddings`'),
		});
	});

	test('of one person are told by the flag of the command line that named the file', async () => {
		const one = { data: new Float32Array(length).fill(1), length };
		const error = await fitDistribution(one, undefined).catch((reason: Arc2FaceError) => reason);
		expect((error as Arc2FaceError).inWordsOf(commandLineWording).problem).toBe(
			'Expected at least two that differ for --from but received 1 of one person.',
		);
	});

	test('stop when asked to, in the thread of their own, too', async () => {
		const controller = new AbortController();
		const fitting = fitDistribution(vectors, undefined, controller.signal);
		setTimeout(() => controller.abort(new Error('stop')), 50);
		await expect(fitting).rejects.toThrow('stop');
		await expect(fitDistribution(vectors, undefined, AbortSignal.abort())).rejects.toThrow('abort');
	});

	test('leave the event loop its turns', async () => {
		let [turns, done] = [0, false];
		const count = async () => {
			while (!done) await new Promise((resolve) => setTimeout(resolve, 5)).then(() => turns++);
		};
		const counting = count();
		await fitDistribution(vectors, undefined);
		done = true;
		await counting;
		// Decomposing alone takes most of a second on the machine that this was written on, which is 100 turns.
		expect(turns).toBeGreaterThan(10);
	});
});

describe('unit vectors', () => {
	test('keep their direction', async () => {
		const data = new Float32Array(3 * length);
		data.set([3, -4], 0);
		data.set([1e-30, 1e-30], length);
		data.set([3e38, 0, 3e38], 2 * length);
		const units = (await unitVectors({ data, length }, 'identities')).data;
		const half = Math.fround(Math.sqrt(0.5));
		expect(Array.from(units.subarray(0, 2))).toEqual([0.6, -0.8].map(Math.fround));
		expect(Array.from(units.subarray(length, length + 2))).toEqual([half, half]);
		expect(Array.from(units.subarray(2 * length, 2 * length + 3))).toEqual([half, 0, half]);
	});

	test('of length 1 stay as they are, to the last bit', async () => {
		const data = (await unitVectors({ data: Float32Array.from(torchGenerator(3)(50 * length)), length }, 'identities'))
			.data;
		expect((await unitVectors({ data, length }, 'identities')).data).toEqual(data);
	});

	test.each([
		['of another length', new Float32Array(510).fill(1), 510, '510 numbers in rows of 510'],
		['of no rows', new Float32Array(), length, '0 numbers in rows of 512'],
		['that end early', new Float32Array(600).fill(1), length, '600 numbers in rows of 512'],
		['of zeros', new Float32Array(1024).fill(1, 0, 512), length, 'only zeros in row 1, counted from 0'],
		['with NaN', new Float32Array(1024).fill(1, 0, 1000).fill(Number.NaN, 1000), length, 'NaN at index 488 in row 1'],
	])('%s are refused', async (_, data, length, received) => {
		await expect(unitVectors({ data, length }, 'exclude')).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringContaining(received),
			details: { option: 'exclude' },
		});
	});
});
