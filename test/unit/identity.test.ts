// Identities: making, comparing and mixing them.
import { describe, expect, test } from 'vitest';
import { embeddingLength, Identity } from '../../lib/identity.ts';
import { exactly, maxAbsError, readGolden } from '../golden.ts';

/** A unit vector along one of the axes, or between two. */
function along(...axes: number[]): number[] {
	return Array.from({ length: embeddingLength }, (_, i) => (axes.includes(i) ? 1 / Math.sqrt(axes.length) : 0));
}

const length = (vector: ArrayLike<number>) => Math.hypot(...Array.from(vector));
const float32 = 2 ** -23;

describe('Identity.from', () => {
	test.each([1, 20, 1e-300, 1e300, 5e-324])('normalises numbers of length %d', (scale) => {
		const { embedding } = Identity.from(along(3, 7).map((x) => (x === 0 ? 0 : scale)));
		expect(embedding).toBeInstanceOf(Float32Array);
		expect(maxAbsError(embedding, along(3, 7))).toBeLessThanOrEqual(float32);
	});

	test('takes typed arrays, identities and their JSON', () => {
		const identity = Identity.from(Float32Array.from(along(0, 1, 2)));
		expect(Identity.from(identity)).toBe(identity);
		expect(Identity.from({ embedding: along(0, 1, 2) }).embedding).toEqual(identity.embedding);
	});

	test('copies: what happens to the numbers later does not matter', () => {
		const numbers = Float32Array.from(along(0));
		const { embedding } = Identity.from(numbers);
		numbers.fill(7);
		expect(embedding[0]).toBe(1);
	});

	test('reads its own JSON to the last bit', () => {
		// Not divisible by powers of two, so that any arithmetic would show.
		const identity = Identity.from(Array.from({ length: embeddingLength }, (_, i) => Math.sin(i + 1)));
		const again = Identity.from(JSON.parse(JSON.stringify(identity)));
		expect(Array.from(again.embedding)).toEqual(Array.from(identity.embedding));
	});

	test.each([
		['too few numbers', along(0).slice(1), '511 of them'],
		['too many', [...along(0), 0], '513 of them'],
		['zeros', along(), 'only zeros'],
		['NaN', along(0).with(9, Number.NaN), 'NaN at index 9'],
		['infinity', along(0).with(0, Number.POSITIVE_INFINITY), 'Infinity at index 0'],
		['text', along(0).map(String), '"1" at index 0'],
		['null in between', [...along(0).slice(1), null], 'null at index 511'],
		['bigints', new BigInt64Array(embeddingLength), '0 at index 0'],
		['null', null, 'null'],
		['what was not awaited', Promise.resolve(along(0)), 'a Promise. Await it first.'],
		['nothing', undefined, 'undefined'],
		['a word', 'anna', '"anna"'],
		['a buffer', new ArrayBuffer(2048), 'an ArrayBuffer'],
		['another JSON', { embedding: 'anna' }, '"anna"'],
	])('refuses %s', (_, value, received) => {
		expect(() => Identity.from(value as never)).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(`Expected 512 numbers for an identity but received ${received}`),
			}),
		);
	});
});

describe('similarity', () => {
	test('is the cosine', () => {
		const identity = Identity.from(along(0));
		// Float32 products of unit vectors.
		expect(identity.similarity(along(0))).toBeCloseTo(1, 6);
		expect(identity.similarity(along(1))).toBe(0);
		expect(identity.similarity(along(0, 1))).toBeCloseTo(Math.SQRT1_2, 6);
		expect(identity.similarity(along(0).map((x) => -x))).toBeCloseTo(-1, 6);
	});
});

describe('mean', () => {
	test('lies between, at length 1', () => {
		const { embedding } = Identity.mean([along(0), along(1)]);
		expect(maxAbsError(embedding, along(0, 1))).toBeLessThanOrEqual(float32);
	});

	test('goes where the weights pull it', () => {
		const { embedding } = Identity.mean([along(0), along(1)], [3, 4]);
		expect(embedding[0]).toBeCloseTo(0.6, 6);
		expect(embedding[1]).toBeCloseTo(0.8, 6);
		expect(Identity.mean([along(0), along(1)], [0, 1]).embedding).toEqual(Identity.from(along(1)).embedding);
	});

	test.each([
		['nobody', [], undefined, 'identities'],
		['no list', along(0)[0], undefined, 'identities'],
		['too few weights', [along(0), along(1)], [1], 'weights'],
		['negative weights', [along(0), along(1)], [1, -1], 'weights'],
		['NaN for a weight', [along(0)], [Number.NaN], 'weights'],
		['weights of 0', [along(0)], [0], 'cancel out'],
		['opposites', [along(0), along(0).map((x) => -x)], undefined, 'cancel out'],
	])('refuses %s', (_, identities, weights, culprit) => {
		expect(() => Identity.mean(identities as never, weights)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(culprit) }),
		);
	});
});

describe('slerp', () => {
	const golden = readGolden('misc/slerp');

	test.each(golden.cases(3))('as recorded: $name', ({ name, atol }) => {
		const expected = golden.floats(`${name}/output`);
		const positions = exactly(
			name === 'identical' ? 3 : 5,
			Array.from(golden.floats(`${name}/t`)),
			`positions in ${name}`,
		);
		positions.forEach((t, i) => {
			const { embedding } = Identity.slerp(golden.floats(`${name}/a`), golden.floats(`${name}/b`), t);
			const row = expected.subarray(i * embeddingLength, (i + 1) * embeddingLength);
			expect(maxAbsError(embedding, row)).toBeLessThanOrEqual(atol);
			expect(length(embedding)).toBeCloseTo(1, 6);
		});
	});

	test('has its ends at its ends', () => {
		expect(maxAbsError(Identity.slerp(along(0), along(1), 0).embedding, along(0))).toBeLessThanOrEqual(float32);
		expect(maxAbsError(Identity.slerp(along(0), along(1), 1).embedding, along(1))).toBeLessThanOrEqual(float32);
	});

	test.each([-0.1, 1.1, Number.NaN, '0.5'])('refuses t = %s', (t) => {
		expect(() => Identity.slerp(along(0), along(1), t as number)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`t`') }),
		);
	});

	test('refuses opposites: there is no one way between them', () => {
		const opposite = along(0).map((x) => -x);
		expect(() => Identity.slerp(along(0), opposite, 0.5)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('opposite') }),
		);
	});
});
