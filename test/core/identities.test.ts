// Identities of nobody: drawn, compared and chosen.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ChooseOptions, chooseIdentities, type IdentitySource } from '../../lib/dataset/identities/choose.ts';
import { readEmbeddings, writeEmbeddings } from '../../lib/dataset/identities/file.ts';
import { dot, row, type Vectors } from '../../lib/evaluation/vectors.ts';
import { Identity } from '../../lib/identity.ts';
import { loadNative } from '../../lib/native.ts';
import { inside } from '../inside.ts';
import { torchGenerator } from '../torch-randn.ts';

const length = 512;
const native = loadNative();
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

/** Of length 1, in any direction. */
function directions(seed: number, rows: number): Float32Array {
	const data = inside.randn(seed, [rows * length])[0]!;
	for (let i = 0; i < rows; i++) {
		const vector = data.subarray(i * length, (i + 1) * length);
		vector.set(Identity.from(vector).embedding);
	}
	return data;
}

/** As the index defines it: sums in float64 from the first number to the last. */
function similarity(x: Float32Array, y: Float32Array): number {
	return Math.min(dot(x, y) / (Math.sqrt(dot(x, x)) * Math.sqrt(dot(y, y))), 1);
}

const digest = (data: Float32Array) =>
	createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex').slice(0, 16);

/** The nearest of `data` to each of `queries`, the first of several, one by one. */
function nearestOf(queries: Float32Array, data: Float32Array): { similarity: number; index: number }[] {
	return Array.from({ length: queries.length / length }, (_, q) => {
		const query = row({ data: queries, length }, q);
		let best = { similarity: Number.NEGATIVE_INFINITY, index: -1 };
		for (let index = 0; index < data.length / length; index++) {
			const found = similarity(query, row({ data, length }, index));
			if (found > best.similarity) best = { similarity: found, index };
		}
		return best;
	});
}

async function indexOf(...parts: Float32Array[]) {
	const index = native.openIdentityIndex();
	for (const part of parts) await index.add(part).promise;
	return index;
}

async function find(index: Awaited<ReturnType<typeof indexOf>>, queries: Float32Array) {
	const { similarities, indices } = await index.find(queries).promise;
	return Array.from(similarities, (similarity, i) => ({ similarity, index: indices[i]! }));
}

describe('an index', () => {
	// A block has 32 rows, four queries share a block, and a thread takes 32 blocks at a time.
	test.each([
		[1, 1],
		[31, 3],
		[32, 4],
		[33, 5],
		[1024, 2],
		[1025, 7],
		[3100, 9],
	])('of %d identities finds the nearest to each of %d, to the last bit', async (rows, queries) => {
		const data = directions(rows, rows);
		const asked = directions(rows + 1, queries);
		const half = Math.floor(rows / 2) * length;
		const index = await indexOf(data.subarray(0, half), data.subarray(half));
		expect(await find(index, asked)).toEqual(nearestOf(asked, data));
	});

	test('decides between identities that float32 takes for one', async () => {
		// Their similarities with the centre differ by less than 1e-7, which is less than a sum of 512 products in float32 is off by.
		const centres = inside.randn(3, new Array(8).fill(length));
		for (const [seed, centre] of centres.entries()) {
			const others = inside.randn(seed + 100, new Array(300).fill(length));
			const spread = others.map((other) => Identity.from(centre.map((x, k) => x + 1e-3 * other[k]!)).embedding);
			const data = Float32Array.from(spread.flatMap((vector) => Array.from(vector)));
			const { embedding } = Identity.from(centre);
			expect(await find(await indexOf(data), embedding), `centre ${seed}`).toEqual(nearestOf(embedding, data));
		}
	});

	test('names the first of several that are the same', async () => {
		const one = directions(1, 1);
		const twice = Float32Array.from([...directions(2, 1500), ...one, ...directions(3, 1500), ...one]);
		expect(await find(await indexOf(twice), one)).toEqual([{ similarity: similarity(one, one), index: 1500 }]);
	});

	test('without identities finds none', async () => {
		expect((await indexOf().then((index) => index.find(directions(1, 2)).promise)).similarities).toEqual(
			Float64Array.of(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY),
		);
		expect(await find(await indexOf(directions(1, 3)), new Float32Array())).toEqual([]);
	});

	test('adds those that are not too similar to one before', async () => {
		// In pairs: the second of each differs from the first by an angle of i hundredths.
		const firsts = directions(7, 20);
		const away = directions(8, 20);
		const pairs = new Float32Array(40 * length);
		for (let i = 0; i < 20; i++) {
			const first = row({ data: firsts, length }, i);
			pairs.set(first, 2 * i * length);
			const second = first.map((x, k) => x + Math.tan(i / 100) * away[i * length + k]!);
			pairs.set(Identity.from(second).embedding, (2 * i + 1) * length);
		}
		const index = await indexOf(directions(9, 40));
		const limit = 0.99;
		const { similarities } = await index.addDistinct(pairs, limit).promise;
		const added = Array.from(similarities, (similarity) => similarity <= limit);
		const kept = [...directions(9, 40)];
		for (let i = 0; i < 40; i++) {
			const vector = row({ data: pairs, length }, i);
			const [nearest] = nearestOf(vector, Float32Array.from(kept));
			expect(added[i], `vector ${i}`).toBe(nearest!.similarity <= limit);
			if (!added[i]) continue;
			expect(similarities[i]).toBe(nearest!.similarity);
			kept.push(...vector);
		}
		expect(added.filter((one) => !one).length).toBeGreaterThan(5);
		expect(added.filter((one) => one).length).toBeGreaterThan(20);
		// What was added is found, and nothing else.
		expect(await find(index, pairs)).toEqual(nearestOf(pairs, Float32Array.from(kept)));
	});

	test('can be cancelled, and disposed', async () => {
		const index = await indexOf(directions(1, 20_000));
		const call = index.find(directions(2, 4000));
		setTimeout(() => call.cancel(), 20);
		await expect(call.promise).rejects.toMatchObject({ code: 'CANCELLED' });
		const last = index.find(directions(2, 1));
		index.dispose();
		expect((await last.promise).similarities).toHaveLength(1);
		for (const late of [() => index.add(directions(1, 1)), () => index.find(directions(1, 1))]) {
			expect(late).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
		}
	});

	test.each([
		['of another length', new Float32Array(511).fill(1 / Math.sqrt(511))],
		['longer than 1', directions(1, 2).map((x) => 1.0001 * x)],
		['of zeros', new Float32Array(length)],
		['of NaN', new Float32Array(length).fill(Number.NaN)],
	])('refuses vectors %s, and adds none', async (_, vectors) => {
		const index = await indexOf(directions(5, 1));
		await expect(index.add(vectors).promise).rejects.toThrow(invalid);
		await expect(index.find(vectors).promise).rejects.toThrow(invalid);
		await expect(index.addDistinct(vectors, 1).promise).rejects.toThrow(invalid);
		expect((await find(index, directions(6, 1)))[0]!.index).toBe(0);
	});

	test('refuses what is no array of float32', () => {
		const index = native.openIdentityIndex();
		expect(() => index.add([1, 2] as unknown as Float32Array)).toThrow(invalid);
		expect(() => index.addDistinct(directions(1, 1), 'much' as unknown as number)).toThrow(invalid);
	});
});

describe('a source', () => {
	/** In float64, sums in order, as lib/addon/identities.ts says. */
	function described(seed: number, rows: number, mean?: Float64Array, components?: Float64Array): Float32Array {
		const weights = components === undefined ? length : components.length / length;
		const draws = inside.randn(seed, new Array(rows).fill(weights));
		const vectors = draws.map((draw) => {
			if (components === undefined || mean === undefined) return Float64Array.from(draw);
			const sums = mean.slice();
			for (let n = 0; n < weights; n++) {
				for (let k = 0; k < length; k++) sums[k]! += draw[n]! * components[n * length + k]!;
			}
			return sums;
		});
		return Float32Array.from(vectors.flatMap((sums) => Array.from(sums, (x) => x / Math.sqrt(dot(sums, sums)))));
	}

	test('on the sphere draws the directions of torch.randn', async () => {
		const drawn = await native.openIdentitySource({ seed: 42 }).draw(5).promise;
		expect(drawn).toEqual(described(42, 5));
		// Known answers: torch.manual_seed(42); torch.nn.functional.normalize(torch.randn(5, 512), dim=1)[0, :4], of PyTorch's documented
		// generator in float64 (test/torch-randn.ts).
		const known = torchGenerator(42)(5 * length).subarray(0, length);
		const size = Math.sqrt(dot(known, known));
		for (let k = 0; k < 4; k++) expect(drawn[k]).toBeCloseTo(known[k]! / size, 6);
	});

	// Fewer than 16 numbers are drawn by other rules than more.
	test.each([1, 7, 16, 40, 512])('of %d components weights them, to the last bit', async (count) => {
		const mean = Float64Array.from(torchGenerator(1)(length));
		const components = Float64Array.from(torchGenerator(2)(count * length));
		const source = native.openIdentitySource({ seed: 3, mean, components });
		const drawn = [await source.draw(1).promise, await source.draw(0).promise, await source.draw(4).promise];
		expect(Float32Array.from(drawn.flatMap((part) => Array.from(part)))).toEqual(described(3, 5, mean, components));
	});

	test.each([
		['a seed of half', { seed: 0.5 }],
		['a negative seed', { seed: -1 }],
		['no mean', { seed: 1, components: new Float64Array(length) }],
		['a short mean', { seed: 1, mean: new Float64Array(3), components: new Float64Array(length) }],
		['short components', { seed: 1, mean: new Float64Array(length), components: new Float64Array(700) }],
	])('refuses %s', (_, request) => {
		expect(() => native.openIdentitySource(request)).toThrow(invalid);
	});

	test('refuses what has no direction, and can be cancelled', async () => {
		const zeros = { mean: new Float64Array(length), components: new Float64Array(length) };
		await expect(native.openIdentitySource({ seed: 1, ...zeros }).draw(1).promise).rejects.toThrow(invalid);
		const call = native.openIdentitySource({ seed: 1 }).draw(1 << 20);
		setTimeout(() => call.cancel(), 20);
		await expect(call.promise).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});

describe('chosen identities', () => {
	/** Sixty people, not very different ones: each a mixture of the same thirteen directions. */
	const people: Vectors = (() => {
		const [mean, ...mixed] = inside.randn(11, new Array(13).fill(length));
		const weights = inside.randn(12, new Array(60).fill(mixed.length));
		const rows = weights.map((own) =>
			mean!.map((x, k) => 1.2 * x + own.reduce((sum, weight, n) => sum + weight * mixed[n]![k]!, 0)),
		);
		return { data: Float32Array.from(rows.flatMap((one) => Array.from(one))), length };
	})();
	const fitted: IdentitySource = { kind: 'fitted', embeddings: people };
	const usual = { count: 60, seed: 4, maxCosine: 0.6 };
	/** More people of the same kind: to be drawn from the fitted distribution each time takes a second. */
	let crowd: IdentitySource;
	beforeAll(async () => {
		const { embeddings } = await chooseIdentities(fitted, { count: 1000, seed: 4, maxCosine: 1 });
		crowd = { kind: 'list', embeddings: { data: embeddings, length } };
	});

	/** Cosines of all pairs, in another way than the index has them. */
	function largest(chosen: Float32Array, others?: Float32Array): number {
		const cosines = Array.from({ length: chosen.length / length }, (_, i) => {
			const one = row({ data: chosen, length }, i);
			const rest = others ?? chosen.subarray(0, i * length);
			return nearestOf(one, rest)[0]!.similarity;
		});
		return Math.max(...cosines);
	}

	test('are the same whatever the batch, after an abort, and on every machine', async () => {
		const whole = await chooseIdentities(fitted, usual);
		expect(whole.tried).toBeGreaterThan(usual.count + 10);
		expect(await chooseIdentities(fitted, { ...usual, batchSize: 7 })).toEqual(whole);
		for (const batchSize of [1, 100, 1000]) {
			expect(await chooseIdentities(crowd, { ...usual, batchSize })).toEqual(whole);
		}
		const controller = new AbortController();
		const onProgress = () => controller.abort(new Error('enough'));
		const stopped = chooseIdentities(crowd, { ...usual, batchSize: 5, signal: controller.signal, onProgress });
		await expect(stopped).rejects.toThrow('enough');
		expect(await chooseIdentities(crowd, usual)).toEqual(whole);
		const fewer = await chooseIdentities(crowd, { ...usual, count: 20 });
		expect(fewer.embeddings).toEqual(whole.embeddings.subarray(0, 20 * length));
		expect(digest(whole.embeddings)).toBe('07e846bdf1b9b797');

		const sphere = await chooseIdentities({ kind: 'sphere' }, { ...usual, count: 300 });
		const small = await chooseIdentities({ kind: 'sphere' }, { ...usual, count: 300, batchSize: 7 });
		expect(small).toEqual(sphere);
		expect(digest(sphere.embeddings)).toBe('1962221cc4caf843');
		const other = await chooseIdentities({ kind: 'sphere' }, { ...usual, count: 300, seed: 5 });
		expect(largest(other.embeddings, sphere.embeddings)).toBeLessThan(0.5);
	});

	test('are no more alike than allowed, nor like those excluded', async () => {
		const exclude = { data: people.data.subarray(0, 30 * length), length };
		const { embeddings, nearest } = await chooseIdentities(crowd, { ...usual, count: 25, exclude });
		expect(embeddings).toHaveLength(25 * length);
		const units = Float32Array.from(
			Array.from({ length: 30 }, (_, i) => Array.from(Identity.from(row(exclude, i)).embedding)).flat(),
		);
		expect(nearest).toEqual({ among: largest(embeddings), excluded: largest(embeddings, units) });
		expect(Math.max(nearest.among!, nearest.excluded!)).toBeLessThanOrEqual(usual.maxCosine);
		// Without the exclusion, some would have been too similar to one of them.
		const free = await chooseIdentities(crowd, { ...usual, count: 25 });
		expect(free.nearest.excluded).toBeUndefined();
		expect(largest(free.embeddings, units)).toBeGreaterThan(usual.maxCosine);
	});

	test('of a limit that one pair has exactly include both; of one just below, not', async () => {
		const embeddings = { data: directions(3, 2), length };
		const exact = similarity(row(embeddings, 0), row(embeddings, 1));
		const source: IdentitySource = { kind: 'list', embeddings };
		const both = await chooseIdentities(source, { count: 2, seed: 0, maxCosine: exact });
		expect(both).toEqual({ embeddings: embeddings.data, tried: 2, nearest: { among: exact, excluded: undefined } });
		const below = exact - 2 ** -53;
		await expect(chooseIdentities(source, { count: 2, seed: 0, maxCosine: below })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			details: { option: 'count' },
		});
	});

	test('are alike as the people they are fitted to, or on the sphere as nobody', async () => {
		const loose = { count: 400, seed: 1, maxCosine: 1 };
		const mean = (data: Float32Array) => {
			const sums = new Float64Array(length);
			for (let i = 0; i < data.length; i++) sums[i % length]! += data[i]!;
			return Identity.from(sums);
		};
		const drawn = mean((await chooseIdentities(crowd, loose)).embeddings);
		const given = mean(
			(await chooseIdentities({ kind: 'list', embeddings: people }, { ...loose, count: 60 })).embeddings,
		);
		// Means of 60 and 400 people whose similarity is 0.1 on average.
		expect(drawn.similarity(given)).toBeGreaterThan(0.9);
		const sphere = await chooseIdentities({ kind: 'sphere' }, { ...loose, count: 3000 });
		expect(Math.abs(mean(sphere.embeddings).similarity(given))).toBeLessThan(5 / Math.sqrt(length));
		// The largest of 4.5 million cosines of standard deviation 1/√512: around 0.22.
		expect(sphere.nearest.among).toBeGreaterThan(0.19);
		expect(sphere.nearest.among).toBeLessThan(0.27);
		expect(sphere.tried).toBe(3000);
	});

	test('from fewer components are in the space of these', async () => {
		const { embeddings } = await chooseIdentities({ ...fitted, components: 1 }, { count: 3, seed: 1, maxCosine: 1 });
		const [a, b, c] = [0, 1, 2].map((i) => row({ data: embeddings, length }, i)) as [
			Float32Array,
			Float32Array,
			Float32Array,
		];
		// c without its parts along a and b, which are orthogonal after a is taken out of b.
		const along = b.map((x, k) => x - dot(a, b) * a[k]!);
		const share = dot(c, along) / dot(along, along);
		const rest = c.map((x, k) => x - dot(a, c) * a[k]! - share * along[k]!);
		expect(Math.sqrt(dot(rest, rest))).toBeLessThan(1e-5);
	});

	test('of a list are those, in its order, without near duplicates', async () => {
		const list = directions(21, 6);
		const copies = Float32Array.from([
			...list.subarray(0, 3 * length),
			...list.subarray(length, 2 * length),
			...list.subarray(3 * length),
		]);
		const embeddings = { data: copies.map((x) => 20 * x), length };
		const chosen = await chooseIdentities({ kind: 'list', embeddings }, { count: 6, seed: 0, maxCosine: 0.3 });
		expect(chosen.tried).toBe(7);
		expect(chosen.embeddings).toHaveLength(6 * length);
		chosen.embeddings.forEach((x, at) => {
			if (!(Math.abs(x - list[at]!) < 1e-7)) throw new Error(`${x} for ${list[at]} at ${at}`);
		});
		await expect(
			chooseIdentities({ kind: 'list', embeddings }, { count: 7, seed: 0, maxCosine: 0.3 }),
		).rejects.toMatchObject({
			problem:
				'Expected 7 identities but found 6 among all 7 of the list: the others have a cosine above 0.3 with another.',
			remedy: 'Ask for fewer, or allow a higher cosine (`maxCosine`); or pass a longer list.',
		});
	});

	test('that are not there are told of, with what helps', async () => {
		const exclude = people;
		const few = { ...fitted, components: 2 };
		await expect(chooseIdentities(few, { count: 50, seed: 1, maxCosine: 0.3, exclude })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			problem: expect.stringMatching(
				/^Expected 50 identities but found \d+ among \d+ candidates: the last 1000 all had a cosine above 0\.3 with another, or with one that is excluded\.$/,
			),
			remedy: expect.stringContaining('fit to embeddings of more people, with more components'),
			details: { option: 'count' },
		});
	});

	test('are told of as they are found', async () => {
		const told: [number, number][] = [];
		const onProgress = (done: number, tried: number) => told.push([done, tried]);
		const { tried } = await chooseIdentities(crowd, { ...usual, batchSize: 20, onProgress });
		expect(told.length).toBeGreaterThan(3);
		expect(told.at(-1)).toEqual([60, tried]);
		expect(told[0]![1]).toBe(20);
		const thrower = () => {
			throw new Error('of the caller');
		};
		await expect(chooseIdentities(crowd, { ...usual, onProgress: thrower })).rejects.toThrow('of the caller');
	});

	test('come back from their file as they are', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'arc2face-chosen-'));
		const { embeddings } = await chooseIdentities(crowd, usual);
		await writeEmbeddings(join(folder, 'identities.npy'), { data: embeddings, length });
		const list = await readEmbeddings(join(folder, 'identities.npy'));
		const again = await chooseIdentities({ kind: 'list', embeddings: list }, { ...usual, seed: 0 });
		expect(again.embeddings).toEqual(embeddings);
		await rm(folder, { recursive: true });
	});

	test.each<[string, Partial<ChooseOptions> & { source?: unknown }, string]>([
		['no identities', { count: 0 }, 'count'],
		['half a seed', { seed: 0.5 }, 'seed'],
		['a cosine of 2', { maxCosine: 2 }, 'maxCosine'],
		['a cosine of NaN', { maxCosine: Number.NaN }, 'maxCosine'],
		['batches of none', { batchSize: 0 }, 'batchSize'],
		['another kind', { source: { kind: 'all' } }, 'kind'],
		['no component', { source: { ...fitted, components: 0 } }, 'components'],
		['513 components', { source: { ...fitted, components: 513 } }, 'components'],
		[
			'embeddings of zeros',
			{ source: { kind: 'list', embeddings: { data: new Float32Array(512), length } } },
			'embeddings',
		],
		['exclusions of zeros', { exclude: { data: new Float32Array(512), length } }, 'exclude'],
		[
			'rows of 128',
			{ source: { kind: 'fitted', embeddings: { data: new Float32Array(512), length: 128 } } },
			'embeddings',
		],
	])('%s are refused', async (_, { source = { kind: 'sphere' }, ...options }, option) => {
		await expect(chooseIdentities(source as IdentitySource, { ...usual, ...options })).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			details: { option },
		});
	});
});
