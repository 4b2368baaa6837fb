/**
 * What time buys: how alike portraits are, and how near to photos as a whole, by sampler and steps, by guidance in some of the steps, and by
 * decoder; through the public API, on people held out from training, by the measures of bench:identity. The presets were chosen by it.
 *
 *   npm run bench:steps -- [--bundle tiny] [--people 12] [--portraits 2] [--samplers dpm++2m,unipc] [--steps 4,8,25] [--seed 0]
 *                          [--evaluator <file>] [--json]
 *
 * All manners paint the same people from the same seeds. From few people the Fréchet distance comes out too large, for all by the same:
 * compare within one run.
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { Arc2Face, type Decoder, type Identity, presetNames, type SamplerName, samplerNames } from '../../lib/index.ts';
import { guidedSteps } from '../../lib/samplers/guidance-interval.ts';
import { makePlan } from '../../lib/samplers/samplers.ts';
import { defaultEvaluator, EvaluationModel } from '../portraits/evaluation-model.ts';
import { Gallery } from '../portraits/gallery.ts';
import { measureDistance } from '../portraits/looks.ts';
import { readPeople } from '../portraits/people.ts';
import type { Recognised } from '../portraits/portrait.ts';
import { mean } from '../portraits/statistics.ts';
import { guidances, type Manner, presets, samplersBySteps, tinyDecoded, usualSteps } from './manners.ts';
import { list, type Measured, matrix } from './table.ts';

const { values } = parseArgs({
	options: {
		bundle: { type: 'string', default: 'tiny' },
		people: { type: 'string', default: '12' },
		portraits: { type: 'string', default: '2' },
		samplers: { type: 'string', default: samplerNames.join() },
		steps: { type: 'string', default: usualSteps.join() },
		seed: { type: 'string', default: '0' },
		evaluator: { type: 'string', default: defaultEvaluator },
		json: { type: 'boolean', default: false },
	},
});
const everyone = await readPeople();
const people = integer('people', values.people, 3, everyone.length);
const each = integer('portraits', values.portraits, 1, 100);
const seed = integer('seed', values.seed, 0, 2 ** 32);
const steps = values.steps.split(',').map((text) => integer('steps', text, 1, 1000));
const samplers = values.samplers.split(',').map((name) => {
	if (samplerNames.includes(name as SamplerName)) return name as SamplerName;
	throw new Error(`Expected some of ${samplerNames.join()} for --samplers but received ${name}.`);
});
const started = performance.now();

const models = new Map<Decoder, Arc2Face>([['vae', await Arc2Face.load({ bundle: values.bundle })]]);
const painter = models.get('vae')!;
if (existsSync(join(painter.info.bundle, 'taesd'))) {
	models.set('taesd', await Arc2Face.load({ bundle: values.bundle, decoder: 'taesd' }));
}
await using evaluation = await EvaluationModel.load(painter.info.bundle, values.evaluator);
tell(`Looking at the photos of ${people} people`);
const gallery = await Gallery.meet(everyone.slice(0, people), evaluation);
const identities: Identity[] = [];
for (const { photos } of gallery.people) {
	identities.push(await painter.encode(photos[0]!.file, { face: photos[0]!.seen }));
}

const { schedule } = await openBundle(painter.info.bundle);
const bySteps = await measureAll(samplersBySteps(samplers, steps));
const byGuidance = await measureAll(guidances);
const byPreset = await measureAll(presets);
const byDecoder = models.has('taesd') ? await measureAll(tinyDecoded) : [];
for (const model of models.values()) await model.dispose();

const about = { date: new Date().toISOString().slice(0, 10), bundle: values.bundle, people, portraits: each, seed };
if (values.json) {
	console.log(JSON.stringify({ ...about, bySteps, byGuidance, byPreset, byDecoder }, null, '\t'));
} else {
	console.log(`${about.date}, ${cpus()[0]?.model}, ${cpus().length} cores; bundle ${values.bundle}`);
	console.log(`${each} portraits of each of ${people} people\n`);
	console.log(`Likeness, at guidance 3\n\n${matrix(bySteps, 'likeness')}\n`);
	console.log(`Fréchet distance, at guidance 3\n\n${matrix(bySteps, 'distance')}\n`);
	console.log(`Share of portraits in which a face is found\n\n${matrix(bySteps, 'found')}\n`);
	console.log(`Guidance, sampler dpm++2m\n\n${list(byGuidance)}`);
	console.log(`\nPresets: ${presetNames.join(', ')}\n\n${list(byPreset)}`);
	if (byDecoder.length > 0) console.log(`\nThe tiny decoder, sampler dpm++2m\n\n${list(byDecoder)}`);
}

async function measureAll(manners: readonly Manner[]): Promise<Measured[]> {
	const measured = [];
	for (const manner of manners) measured.push(await measure(manner));
	return measured;
}

async function measure({ decoder, ...manner }: Manner): Promise<Measured> {
	const model = models.get(decoder)!;
	const recognised: Recognised[] = [];
	let seconds = 0;
	for (let i = 0; i < each; i++) {
		const seeds = identities.map((_, person) => seed + 1000 * person + i);
		const before = performance.now();
		const images = await model.generate(identities, { ...manner, seed: seeds });
		seconds += (performance.now() - before) / 1000;
		for (const [person, image] of images.entries()) {
			const sight = await evaluation.see(image);
			const similarities = sight ? gallery.similarities(sight.identity) : [];
			recognised.push({ person, sight: sight && { identity: sight.identity, similarities } });
		}
	}
	const likeness = mean(recognised.flatMap(({ person, sight }) => sight?.similarities[person] ?? []));
	const distance = measureDistance(recognised, gallery).find(({ name }) => name.startsWith('portraits'))!.value;
	tell(`${nameOf(manner)}: likeness ${likeness.toFixed(3)}, Fréchet distance ${distance.toFixed(3)}`);
	return {
		...{ ...manner, decoder, likeness, distance, rows: rowsOf(manner) },
		found: mean(recognised.map(({ sight }) => Number(sight !== undefined))),
		secondsPerPortrait: seconds / recognised.length,
	};
}

function nameOf({ sampler, steps, guidanceScale, guidanceInterval }: Omit<Manner, 'decoder'>): string {
	return `${sampler}, ${steps} steps, guidance ${guidanceScale}${guidanceInterval ? ` from ${guidanceInterval.join(' to ')}` : ''}`;
}

/** Rows of the network's batches that a portrait takes: guided steps take two. */
function rowsOf({ sampler, steps, guidanceScale, guidanceInterval }: Omit<Manner, 'decoder'>): number {
	const plan = makePlan(sampler, steps, schedule);
	const isGuided = plan.steps.map(() => guidanceScale > 1);
	const inside = guidanceInterval ? guidedSteps(plan, guidanceInterval, schedule) : isGuided;
	return plan.steps.length + isGuided.filter((guided, i) => guided && inside[i]).length;
}

function integer(name: string, text: string, least: number, most: number): number {
	const number = Number(text);
	if (Number.isInteger(number) && number >= least && number <= most) return number;
	throw new Error(`Expected an integer from ${least} to ${most} for --${name} but received ${text}.`);
}

function tell(what: string): void {
	console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);
}
