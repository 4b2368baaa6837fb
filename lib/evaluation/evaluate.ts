// The paper's protocol: photos of people → portraits of each → figures → a report.
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Arc2Face } from '../arc2face.ts';
import { Arc2FaceError } from '../errors.ts';
import { sha256 } from '../files/digests.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';
import type { Size } from '../geometry.ts';
import type { Alignment, ResolvedEvaluation } from '../options/evaluation.ts';
import { packageVersion } from '../package.ts';
import { showCases } from './cases.ts';
import { type Examination, examine, type Sitter } from './examination.ts';
import { Eyes } from './eyes.ts';
import { type Answer, figuresOf, type Task } from './figures.ts';
import type { Judges } from './judges.ts';
import type { DescribedModel } from './model-record.ts';
import { pageOf } from './page.ts';
import { comparability } from './paper.ts';
import { type ListedImage, type Person, readPeople, readPortraits } from './people.ts';
import { paintPortraits, portraitsOf } from './portraits.ts';
import { type Case, type Circumstances, type Report, reportOf } from './report.ts';
import { type RunRecord, requireOwnFolder, writeRunRecord } from './run-record.ts';
import { type Attempt, type KnownPerson, type Survey, surveyPhotos } from './survey.ts';

/** What is evaluated, read and checked as far as that goes without a model. */
export type Prepared = Readonly<{
	people: readonly Person[];
	options: ResolvedEvaluation;
	size: Size;
	alignment: Alignment;
	/** Of each person, portraits that others made. */
	given?: Readonly<{
		folder: string;
		portraits: ReadonlyMap<string, readonly ListedImage[]>;
		unknown: readonly string[];
	}>;
	described: DescribedModel;
	decoder: string;
	record: RunRecord;
	/** Where the report goes. */
	folder: string;
	/** What the photos are called: the name of their folder or list. */
	source: string;
	/** Folders that have no photo. */
	empty: readonly string[];
}>;

export type Tools = Readonly<{
	model: Pick<Arc2Face, 'info' | 'detect' | 'encode' | 'generateEach'>;
	/** Whose recogniser judges (default: the model's). */
	judge?: Pick<Arc2Face, 'encode'> | undefined;
	judges: Judges;
	/** Why there are no figures of networks that are not there. */
	missing: Readonly<Record<'inception' | 'lpips', string>>;
	attempt: Attempt;
	/** Does the pieces of the figures' computation. */
	run: (tasks: readonly Task[]) => Promise<Answer[]>;
	/** Before anything is painted: how many portraits are there already. From here on, the same run goes on where it ended. */
	onPainting: (there: number, total: number) => void;
	onProgress: (what: 'photos' | 'painting' | 'portraits' | 'comparing', done: number, total: number) => void;
	signal: AbortSignal;
}>;

export type Asked = Readonly<{
	photos: string;
	portraits?: string | undefined;
	out: string;
	options: ResolvedEvaluation;
	/** Undefined: the model's own. */
	size: Size | undefined;
	described: DescribedModel;
	decoder: string;
}>;

/**
 * Everything before the model: reads lists and digests, and looks whether the folder may be written to.
 *
 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for a folder that holds another run; `FILE_FAILED`
 */
export async function prepare(asked: Asked, signal: AbortSignal): Promise<Prepared> {
	const { photos, out, options, described, decoder } = asked;
	const { people, empty } = await readPeople(photos);
	const given = asked.portraits === undefined ? undefined : await readGiven(asked.portraits, people);
	const size = asked.size ?? described.geometry;
	const isFramed = described.framing === 'ffhq' && given === undefined && size.width === size.height;
	const alignment = options.alignment ?? (isFramed ? 'photos' : 'both');
	const { perIdentity, steps, guidanceScale, sampler, seed } = options;
	const record: RunRecord = {
		format: 1,
		package: packageVersion(),
		options: {
			...(given
				? { comparedSide: Math.min(size.width, size.height) }
				: { perIdentity, steps, guidanceScale, sampler, size: sizeText(size), decoder }),
			...{ seed, alignment },
		},
		model: described.record,
		listed: sha256(JSON.stringify(people.map(({ name, images }) => [name, ...images.map((image) => image.name)]))),
		photos: await digestsOf(
			people.flatMap(({ images }) => images),
			signal,
		),
		...(given && { portraits: await digestsOf([...given.portraits.values()].flat(), signal) }),
	};
	await requireOwnFolder(out, record);
	return {
		...{ people, options, size, alignment, described, decoder, record },
		...{ folder: out, source: basename(resolve(photos)), empty },
		...(given && { given }),
	};
}

/** What a run has seen, and what it is of. */
export type Measured = Readonly<{
	survey: Survey;
	people: readonly Sitter[];
	examination: Examination;
	circumstances: Circumstances;
}>;

/**
 * Looks at the photos, paints what is not there yet, and looks at the portraits.
 *
 * @throws {Arc2FaceError} as for another run; `NO_FACE` and `INVALID_IMAGE` when fewer than two people are left; what painting throws
 */
export async function measure(prepared: Prepared, tools: Tools): Promise<Measured> {
	const { people: listed, options, size, alignment, given, folder } = prepared;
	const { model, judges, attempt, signal, onPainting, onProgress } = tools;
	const { device, provider, version, precision } = model.info;
	const networks = judges.files.map((file) => file.sha256);
	const runtime = { device: device.split(':')[0]!, provider, version, precision, 'networks that judge': networks };
	const record = { ...prepared.record, runtime };
	await requireOwnFolder(folder, record);
	const eyes = new Eyes(model, tools.judge);
	const survey = await surveyPhotos(listed, eyes, {
		...{ attempt, signal },
		onProgress: (done, total) => onProgress('photos', done, total),
	});
	await writeRunRecord(folder, record);
	if (given === undefined) {
		await paintPortraits(survey.people, folder, options, {
			...{ model, signal, onBegin: onPainting },
			onProgress: (done, total) => onProgress('painting', done, total),
		});
	}
	const portraits = (person: KnownPerson) =>
		given === undefined ? portraitsOf(person, folder, options) : (given.portraits.get(person.name) ?? []);
	const people: Sitter[] = survey.people.map((person) => ({ ...person, portraits: portraits(person) }));
	const examination = await examine(people, {
		...{ eyes, judges, alignment, side: Math.min(size.width, size.height), seed: options.seed, attempt, signal },
		onProgress: (what, done, total) => onProgress(what === 'photos' ? 'comparing' : 'portraits', done, total),
	});
	const { found, faceless, failed, evidence } = examination;
	const circumstances: Circumstances = {
		protocol: protocolOf(prepared),
		model: { ...prepared.described.record, device, provider, version, precision },
		judges: judges.files.map(({ file, sha256 }) => ({ file: basename(file), sha256 })),
		photos: {
			...{ source: prepared.source, people: people.length, listed: listed.flatMap(({ images }) => images).length },
			...{ withFace: evidence.photos.person.length, severalFaces: survey.severalFaces },
			...{ digest: listDigest(record.photos), failed: survey.failed, lost: survey.lost },
			empty: prepared.empty,
		},
		portraits: {
			...{ count: evidence.painted.reduce((sum, count) => sum + count, 0), withFace: found.length },
			people: evidence.painted.filter((count) => count > 0).length,
			...{ faceless, failed, unknown: given?.unknown ?? [] },
		},
	};
	return { survey, people, examination, circumstances };
}

/**
 * Measures, and writes `report.json` and `report.html`.
 *
 * @returns the report
 * @throws {Arc2FaceError} as {@link measure} does
 */
export async function evaluate(prepared: Prepared, tools: Tools): Promise<Report> {
	const { options, size, given, folder } = prepared;
	const { people, examination, circumstances } = await measure(prepared, tools);
	const { found, evidence } = examination;
	const report = reportOf({
		...circumstances,
		figures: await figuresOf(evidence, tools.missing, tools.run),
		conditions: comparability({
			...{ photos: prepared.source, isPainted: given === undefined, steps: options.steps },
			...{ guidanceScale: options.guidanceScale, isOfficial: prepared.described.isOfficial },
			...{ perIdentity: [...evidence.painted], size: given === undefined ? sizeText(size) : 'as given' },
			judge: judgeText(prepared.described),
		}),
		people: people.map(({ name, photos: [input, ...more] }, i) => {
			return { name, input: input!.name, photos: 1 + more.length, portraits: evidence.painted[i]! };
		}),
		found: found.map(({ person, image }) => ({ person, portrait: image.name })),
		made: new Date(),
	});
	await writeReport(report, folder, people, found);
	return report;
}

/** Both files, the page last: where it is, all is. */
async function writeReport(
	report: Report,
	folder: string,
	people: readonly Sitter[],
	found: readonly Readonly<{ person: number; image: ListedImage }>[],
): Promise<void> {
	const files = new Map(found.map(({ image }) => [image.name, image.file]));
	const inputs = new Map(people.map(({ name, photos }) => [name, photos[0]!]));
	const find = ({ person, portrait }: Case) => ({ input: inputs.get(person)!, portrait: files.get(portrait)! });
	const worst = await showCases(report.worst, find);
	const best = await showCases(report.best, find);
	await writeWhole(join(folder, 'report.json'), `${JSON.stringify(report, undefined, '\t')}\n`);
	await writeWhole(join(folder, 'report.html'), pageOf(report, { worst, best }));
}

async function readGiven(folder: string, people: readonly Person[]): Promise<NonNullable<Prepared['given']>> {
	return { folder, ...(await readPortraits(folder, people)) };
}

function protocolOf({ given, options, size, decoder, alignment }: Prepared): Report['protocol'] {
	const { perIdentity, steps, guidanceScale, sampler, seed } = options;
	const compared = { seed, alignment, comparedSide: Math.min(size.width, size.height) };
	return given === undefined
		? { portraits: 'painted', perIdentity, steps, guidanceScale, sampler, decoder, size: sizeText(size), ...compared }
		: {
				...{ portraits: 'given', perIdentity: null, steps: null, guidanceScale: null, sampler: null },
				...{ decoder: null, size: null, ...compared },
			};
}

function judgeText({ record, isOfficial }: DescribedModel): string {
	if (isOfficial.recogniser) return 'that of the official weights';
	return record.judge === undefined ? "the bundle's own" : 'another, with --judge';
}

/** By name; null where a file can't be read, which the survey tells. */
async function digestsOf(images: readonly ListedImage[], signal: AbortSignal): Promise<RunRecord['photos']> {
	const digests: Record<string, string | null> = {};
	for (const { name, file } of images) {
		signal.throwIfAborted();
		digests[name] = await onDisk('read', file, async () => sha256(await readFile(file))).catch((error) => {
			if (error instanceof Arc2FaceError) return null;
			throw error;
		});
	}
	return digests;
}

function listDigest(photos: RunRecord['photos']): string {
	const lines = Object.entries(photos).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
	return sha256(lines.map(([name, digest]) => `${digest ?? 'unreadable'} ${name}\n`).join(''));
}

function sizeText({ width, height }: Size): string {
	return `${width} × ${height}`;
}
