// What commands that paint people and measure the portraits have in common: options, and all that is loaded for them.
import { bundleFolder } from '../bundle/bundle.ts';
import type { Prepared, Tools } from '../evaluation/evaluate.ts';
import type { Judges } from '../evaluation/judges.ts';
import { requireRunFolder } from '../evaluation/run-record.ts';
import { type Alignment, alignments, resolveEvaluationOptions } from '../options/evaluation.ts';
import { usualDecoder } from '../options/features.ts';
import { resolveLoadOptions } from '../options/load.ts';
import { lcmPresets, usualPresets } from '../options/presets.ts';
import type { SamplerName } from '../samplers/samplers.ts';
import { type Context, type OptionValues, UsageError } from './command.ts';
import { chosenDecoder, decoderOptions } from './decoder.ts';
import { attempt } from './inputs.ts';
import { loraOptions } from './loras.ts';
import { checkLoadOptions, loadModel, modelOptions } from './model.ts';
import { paintingOptions } from './painting.ts';
import { chosenShapes, chosenSize } from './shapes.ts';
import { flagOf } from './wording.ts';

const { steps, guidanceScale, sampler, width, height } = paintingOptions;

/** What says how portraits are painted, and so has no meaning for those that are there. */
const painting = {
	perIdentity: { type: 'number', value: 'N', help: 'portraits of each person (default: 5)' },
	...{ steps, guidanceScale, sampler },
	...{ width: { ...width, help: "width (default: the model's)" }, height },
	...loraOptions,
	...decoderOptions,
} as const;

export const measuringOptions = {
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
type Values = OptionValues<typeof measuringOptions>;

/**
 * Reads and checks what there is before the model, loads everything, and measures.
 *
 * @param work - what is done with it
 * @throws {UsageError} for options that are missing, or would be ignored
 * @throws {Arc2FaceError} as {@link requireOut}
 */
export async function measuring<T>(
	photos: string,
	values: Values,
	context: Context,
	work: (prepared: Prepared, tools: Tools) => Promise<T>,
): Promise<T> {
	const out = await requireOut(values);
	const { judge } = values;
	if (values.portraits !== undefined) requireNoPainting(values);
	if (values.evaluation !== undefined) await requireJudges(values.evaluation);
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
	const { prepare } = await import('../evaluation/evaluate.ts');
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
	const { inThreads } = await import('../evaluation/threads.ts');
	return await work(prepared, {
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
		onPainting: (there, total) => {
			context.continuable();
			if (there > 0) context.note(`${there === total ? 'All' : `${there} of`} ${total} portraits are there already.`);
		},
		onProgress: (what, done, total) => context.progress(labels[what], { done, total, unit: 'images' }),
	});
}

/**
 * @throws {UsageError} without a folder for the report
 * @throws {Arc2FaceError} for one that can't be written to, or holds something else
 */
export async function requireOut({ out }: Pick<Values, 'out'>): Promise<string> {
	if (out === undefined) throw new UsageError('Expected a folder for --out but received none.');
	await requireRunFolder(out);
	return out;
}

/** @throws {UsageError} for a folder that has none of the networks that judge */
async function requireJudges(folder: string): Promise<void> {
	const { judgeNames, missingJudgePaths } = await import('../bundle/judges.ts');
	const missing = await Promise.all(judgeNames.map((name) => missingJudgePaths(folder, name)));
	if (missing.some((paths) => paths.length === 0)) return;
	throw new UsageError(
		`Expected the networks of FID or LPIPS in a bundle for --evaluation but there is no ${missing[0]![0]}.`,
		'Name the bundle, which is the folder above `evaluation`, or run `arc2face pull --with evaluation` and leave the option away.',
	);
}

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
