// `evaluate`: from photos of people to portraits of each, and to a report of how good these are.
import { join } from 'node:path';
import { bundleFolder } from '../bundle/bundle.ts';
import { defineCommand, type OptionValues, UsageError } from '../cli/command.ts';
import { chosenDecoder, decoderOptions } from '../cli/decoder.ts';
import { figuresText } from '../cli/figures.ts';
import { attempt, exitCodeOfAll } from '../cli/inputs.ts';
import { loraOptions } from '../cli/loras.ts';
import { checkLoadOptions, loadModel, modelOptions } from '../cli/model.ts';
import { paintingOptions } from '../cli/painting.ts';
import { chosenShapes, chosenSize } from '../cli/shapes.ts';
import { flagOf, warningsOf } from '../cli/wording.ts';
import type { Judges } from '../evaluation/judges.ts';
import { type Alignment, alignments, resolveEvaluationOptions } from '../options/evaluation.ts';
import { usualDecoder } from '../options/features.ts';
import { resolveLoadOptions } from '../options/load.ts';
import { lcmPresets, usualPresets } from '../options/presets.ts';
import type { SamplerName } from '../samplers/samplers.ts';

const { steps, guidanceScale, sampler, width, height } = paintingOptions;

/** What says how portraits are painted, and so has no meaning for those that are there. */
const painting = {
	perIdentity: { type: 'number', value: 'N', help: 'portraits of each person (default: 5)' },
	...{ steps, guidanceScale, sampler },
	...{ width: { ...width, help: "width (default: the model's)" }, height },
	...loraOptions,
	...decoderOptions,
} as const;

const options = {
	out: {
		type: 'path',
		value: 'FOLDER',
		help: 'where the report goes, and the portraits; one that holds this run already is completed (needed)',
	},
	...painting,
	seed: {
		type: 'number',
		value: 'N',
		help: "seed of the first person's first portrait, the next person's has N + 1000; it also decides what is drawn (default: 0)",
	},
	portraits: {
		type: 'path',
		value: 'FOLDER',
		help: 'portraits that others made, one folder a person, named as the people are: nothing is painted then',
	},
	judge: {
		type: 'path',
		value: 'FILE',
		help: "a recogniser (.onnx, as ArcFace's) that judges instead of the model's own",
	},
	evaluation: {
		type: 'path',
		value: 'FOLDER',
		help: 'a bundle with the networks of FID and LPIPS (default: the model, or else what was pulled)',
	},
	alignment: {
		type: 'string',
		value: 'NAME',
		choices: alignments,
		help: 'what is cut as FFHQ cuts faces to be compared: photos, or both (default: both, unless portraits are framed so)',
	},
	...modelOptions,
} as const;
type Values = OptionValues<typeof options>;

export default defineCommand({
	arguments: ['<photos>'],
	options,
	example: 'arc2face evaluate people --out report',
	json: {
		report: 'where the whole report was written as JSON',
		page: 'where it was written as a page',
		figures: 'by name: value (null: there is none, missing says why), interval, photos, sample, warnings of each',
		failed: 'photos and portraits that could not be used',
		'failed[].source': 'the file, as the folder or list names it',
		'failed[].error': 'why',
		notes: 'what to know about the whole, such as how much was left out',
		warnings: 'what may be wrong with the model: code and message of each',
	},

	async run({ values, positionals }, context) {
		const photos = positionals[0]!;
		const { out, judge } = values;
		if (out === undefined) throw new UsageError('Expected a folder for --out but received none.');
		if (values.portraits !== undefined) requireNoPainting(values);
		const resolved = resolveEvaluationOptions(
			{
				...{ perIdentity: values.perIdentity, steps: values.steps, guidanceScale: values.guidanceScale },
				...{ sampler: values.sampler as SamplerName | undefined, alignment: values.alignment as Alignment | undefined },
				...{ seed: values.seed, width: values.width, height: values.height },
			},
			(values.lcm ? lcmPresets : usualPresets).standard,
		);
		const { loras, cacheDir, device, threads } = resolveLoadOptions(checkLoadOptions(values));
		const { signal } = context;
		const decoder = chosenDecoder(values) ?? usualDecoder;
		// Imported here: without sharp, which they need, `--help` still answers.
		const { describeModel } = await import('../evaluation/model-record.ts');
		const { evaluate, prepare } = await import('../evaluation/evaluate.ts');
		const described = await describeModel(values.bundle, { decoder, loras, cacheDir, judge, signal });
		const { geometry } = described;
		const size = await chosenSize(
			{ width: values.width, height: values.height },
			chosenShapes(values).imageSizes,
			async () => geometry,
		);
		checkLoadOptions(values, size);
		const asked = { photos, portraits: values.portraits, out, options: resolved, size, described, decoder };
		const prepared = await prepare(asked, signal);
		for (const name of prepared.given?.unknown ?? [])
			context.note(`${name}: portraits of nobody in the photos, left out.`);

		await using judging = judge === undefined ? undefined : await loadOther(judge, threads, signal);
		await using model = await loadModel(values, context, size);
		const side = Math.min(prepared.size.width, prepared.size.height);
		const imageSizes = [{ width: side, height: side }];
		const { openJudges } = await import('../evaluation/judges.ts');
		const open = (folder: string) => openJudges({ folder, device, threads, imageSizes, cacheDir, signal });
		await using judges = await openFirst(judgeFolders(values, described.folder), open);
		const missing = missingNetworks(judges, values);
		for (const note of new Set(Object.values(missing))) if (note !== '') context.note(note);
		const { inThreads } = await import('../evaluation/threads.ts');
		const report = await evaluate(prepared, {
			...{ model, judge: judging?.model, judges, missing, signal },
			attempt: (file, work) => attempt(file, context, work),
			run: (tasks) => {
				const show = (done: number) =>
					context.progress('computing figures', {
						done: Math.floor((100 * done) / tasks.length),
						total: 100,
						unit: 'percent',
					});
				show(0);
				return inThreads(tasks, { signal, onDone: show });
			},
			onProgress: (what, done, total) => context.progress(labels[what], { done, total, unit: 'images' }),
		});
		return {
			report: join(out, 'report.json'),
			page: join(out, 'report.html'),
			figures: report.figures,
			failed: [...report.photos.failed, ...report.portraits.failed].map(({ name, error }) => ({ source: name, error })),
			notes: report.warnings,
			warnings: warningsOf(model.info),
		};
	},

	text: ({ page, figures, notes }) => [figuresText(figures), ...notes, '', `The report is in ${page}`].join('\n'),

	exitCode: ({ failed }) => exitCodeOfAll(failed),
});

const labels = {
	photos: 'looking at the photos',
	painting: 'painting portraits',
	portraits: 'looking at the portraits',
	comparing: 'comparing photos',
} as const;

/** @throws {UsageError} for what would be ignored */
function requireNoPainting(values: Values): void {
	const names = Object.keys(painting) as (keyof typeof painting)[];
	// They also say how large faces are compared.
	const unfit = names.find((name) => name !== 'width' && name !== 'height' && values[name] !== undefined);
	if (unfit === undefined) return;
	throw new UsageError(`Expected no ${flagOf(unfit)} with --portraits but received both: those portraits are there.`);
}

async function loadOther(file: string, threads: number, signal: AbortSignal) {
	const { loadJudge } = await import('../evaluation/judge-model.ts');
	return await loadJudge(file, { threads: threads === 0 ? undefined : threads, signal });
}

function judgeFolders({ evaluation }: Values, bundle: string): string[] {
	return evaluation === undefined ? [...new Set([bundle, bundleFolder('arc2face')])] : [evaluation];
}

/** The first that has any of them, or else the last. */
async function openFirst(folders: readonly string[], open: (folder: string) => Promise<Judges>): Promise<Judges> {
	const [folder, ...others] = folders;
	const judges = await open(folder!);
	if (judges.has.inception || judges.has.lpips || others.length === 0) return judges;
	await judges.dispose();
	return await openFirst(others, open);
}

/** Empty for those that are there. */
function missingNetworks({ has }: Judges, { evaluation }: Values): Record<'inception' | 'lpips', string> {
	const where = evaluation === undefined ? '' : ` in ${evaluation}`;
	const remedy = `Run \`arc2face pull --with evaluation\`${evaluation === undefined ? '' : ', or name another bundle with --evaluation'}.`;
	return {
		inception: has.inception
			? ''
			: `FID, KID, precision and recall take Inception, which is not there${where}. ${remedy}`,
		lpips: has.lpips ? '' : `LPIPS takes AlexNet, which is not there${where}. ${remedy}`,
	};
}
