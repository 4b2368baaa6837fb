/**
 * Eight different `generate` calls on one model, in sequence and all at once: first checks that they paint the same images,
 * then times both ways, alternating.
 *
 *   npm run bench:concurrency -- [--bundle <folder>] [--rounds 5]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Arc2Face, type GenerateOptions } from '../lib/index.ts';

const { values } = parseArgs({
	options: { bundle: { type: 'string', default: 'tiny' }, rounds: { type: 'string', default: '5' } },
});
const identities = [1, 2].map((seed) => Float32Array.from({ length: 512 }, (_, i) => Math.sin(seed * i + seed)));
const calls: GenerateOptions[] = [
	{ seed: 1, steps: 25 },
	{ seed: 2, steps: 20, guidanceScale: 1 },
	{ seed: 3, steps: 25, sampler: 'euler-a', guidanceScale: 5 },
	{ seed: 4, steps: 24, sampler: 'pndm' },
	{ seed: 5, steps: 22, sampler: 'dpm++2m-sde' },
	{ seed: 6, steps: 13, sampler: 'heun' },
	{ seed: 7, steps: 25, sampler: 'unipc', guidanceScale: 2 },
	{ seed: 8, steps: 8, sampler: 'lcm', guidanceScale: 1 },
];

await using model = await Arc2Face.load({ bundle: values.bundle });
const paint = async (i: number) => (await model.generate(identities[i % 2]!, calls[i]))[0]!.data;
const oneAfterAnother = async () => {
	const images = [];
	for (const i of calls.keys()) images.push(await paint(i));
	return images;
};
const atOnce = () => Promise.all([...calls.keys()].map(paint));

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
	const start = performance.now();
	return [await work(), performance.now() - start];
}

const alone = await oneAfterAnother();
const together = await atOnce();
let changed = 0;
let worst = 0;
alone.forEach((image, i) => {
	image.forEach((level, at) => {
		const difference = Math.abs(level - together[i]![at]!);
		worst = Math.max(worst, difference);
		if (difference > 0) changed++;
	});
});
const pixels = alone.reduce((sum, image) => sum + image.length, 0);
if (worst > 1) throw new Error(`the images differ by up to ${worst} levels`);

const times: Record<'one after another' | 'all at once', number[]> = { 'one after another': [], 'all at once': [] };
for (let round = 0; round < Number(values.rounds); round++) {
	times['one after another'].push((await timed(oneAfterAnother))[1]);
	times['all at once'].push((await timed(atOnce))[1]);
}

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.log(`Node ${process.version}, ONNX Runtime ${model.info.version}, bundle ${model.info.bundle}`);
console.log(`values that differ: ${changed} of ${pixels}, by at most ${worst} level`);
for (const [name, list] of Object.entries(times)) {
	const sorted = list.sort((a, b) => a - b).map((ms) => ms.toFixed(0));
	console.log(
		`${name.padEnd(18)} min ${sorted[0]} ms, median ${sorted[sorted.length >> 1]} ms, max ${sorted.at(-1)} ms`,
	);
}
