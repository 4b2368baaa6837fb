// The libraries on this machine that build and run engines, and why others do not work.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { problemOf } from '../errors.ts';
import { addonFile, type EngineLibraryPaths } from '../native.ts';
import { type ProbedLibrary, probeLibrary } from './probe.ts';
import { libraryNames, type Product, products, productTable } from './products.ts';
import { type Fault, type Finding, type Surroundings, searchTensorRt, tensorRtVariable } from './search.ts';

/** Environment variable that names a provider library to use instead of this package's own: for developers and tests. */
export const providerVariable = 'ARC2FACE_PROVIDER';

/** Libraries that work together: their product, version and paths. */
export type EngineRuntime = Readonly<ProbedLibrary & EngineLibraryPaths>;

/** Their paths, in the form that the core takes. */
export function pathsOf({ provider, core, parser }: EngineRuntime): EngineLibraryPaths {
	return { provider, core, ...(parser === undefined ? {} : { parser }) };
}

/** Libraries that may work together. */
type Candidate = Readonly<{
	paths: EngineLibraryPaths;
	/** What led to them, for people. */
	origin: string;
	/** The product by their names; undefined when the environment names the provider library. */
	product?: Product;
}>;

/** The outcome of trying libraries. */
export type Trial = (Candidate & Readonly<{ runtime: EngineRuntime }>) | Failed;
type Failed = Candidate & Readonly<{ problem: string }>;

/** Why {@link EngineRuntimes.first} found no libraries, or skipped some. */
export type LibraryObstacle =
	/** No product has libraries for this system. */
	| Readonly<{ kind: 'no system' }>
	/** This build of the package lacks its own library. */
	| Readonly<{ kind: 'no provider'; product: Product; provider: string }>
	/** Libraries were tried, and do not work. */
	| Readonly<{ kind: 'broken' } & Failed>
	/** A place holds unusable files, judging by their names. */
	| Readonly<{ kind: 'unfit'; folder: string; origin: string; fault: Fault }>
	| Readonly<{ kind: 'not found'; libraries: readonly WantedLibrary[]; folders: readonly string[] }>;

type WantedLibrary = Readonly<{ product: Product; core: string }>;

/** The libraries on this machine that may build and run engines. Each is tried once, in a separate process, when needed. */
export class EngineRuntimes {
	/** Every folder that was searched. */
	readonly findings: readonly Finding[];
	/** What {@link providerVariable} names, as an absolute path. */
	readonly named: string | undefined;
	/** Where they were looked for. */
	readonly surroundings: Surroundings;
	readonly #candidates: readonly Candidate[];
	readonly #trials = new Map<Candidate, Promise<Trial>>();

	constructor(surroundings: Surroundings = {}) {
		this.surroundings = surroundings;
		const named = (surroundings.env ?? process.env)[providerVariable];
		this.named = named ? resolve(named) : undefined;
		this.findings = products.flatMap((product, i) =>
			// The search for each product finds the faults that concern all products.
			searchTensorRt(product, surroundings).filter((finding) => i === 0 || finding.product !== undefined),
		);
		this.#candidates = this.named === undefined ? this.#ownCandidates() : this.#namedCandidates(this.named);
	}

	/** The first libraries of a product that work; of any product, when a provider library is named. */
	async first(product?: Product): Promise<EngineRuntime | undefined> {
		for await (const runtime of this.working(product)) return runtime;
		return undefined;
	}

	/** All of them, in the order in which they are preferred; each is tried when it is its turn. */
	async *working(product?: Product): AsyncGenerator<EngineRuntime, void> {
		for (const candidate of this.#candidatesOf(product)) {
			const trial = await this.#try(candidate);
			if ('runtime' in trial) yield trial.runtime;
		}
	}

	/** Tries everything that was found. */
	async tryAll(): Promise<Trial[]> {
		return await this.#tryEach(this.#candidates);
	}

	/** Why {@link first} found none: what was looked for, and what was found. */
	async obstacles(product?: Product): Promise<LibraryObstacle[]> {
		const wanted = (product === undefined ? products : [product]).flatMap((one) => {
			const names = libraryNames(one);
			return names === undefined ? [] : [{ product: one, core: names.core }];
		});
		if (wanted.length === 0) return [{ kind: 'no system' }];
		const missing = product === undefined ? undefined : missingProvider(product);
		if (product !== undefined && missing !== undefined) return [{ kind: 'no provider', product, provider: missing }];

		const known = wanted.map((one) => one.product);
		const obstacles = [...brokenAmong(await this.#tryEach(this.#candidatesOf(product))), ...this.unusable(known)];
		const findings = this.findings.filter((finding) => concerns(finding, known));
		if (findings.some(({ libraries }) => libraries !== undefined)) return obstacles;
		const folders = [...new Set(findings.map(({ folder }) => folder))];
		return [...obstacles, { kind: 'not found', libraries: wanted, folders }];
	}

	/**
	 * Places whose file names show that they are unusable.
	 *
	 * @param because - what led to them (default: anything)
	 */
	unusable(wanted: readonly Product[], because?: string): LibraryObstacle[] {
		return this.findings.flatMap((finding): LibraryObstacle[] => {
			const { folder, origin, fault } = finding;
			const counts = concerns(finding, wanted) && (because === undefined || because === origin);
			return counts && fault !== undefined ? [{ kind: 'unfit', folder, origin, fault }] : [];
		});
	}

	/** Why the libraries that {@link tensorRtVariable} names are unusable, if so. They come first, so they were tried. */
	async passedOver(product: Product): Promise<LibraryObstacle[]> {
		const named = this.#candidatesOf(product).filter(({ origin }) => origin === tensorRtVariable);
		return [...this.unusable([product], tensorRtVariable), ...brokenAmong(await this.#tryEach(named))];
	}

	#ownCandidates(): Candidate[] {
		return this.findings.flatMap(({ product, origin, libraries }) => {
			if (product === undefined || libraries === undefined || missingProvider(product) !== undefined) return [];
			const provider = providerFile(product);
			return [{ product, origin, paths: { provider, ...libraries } }];
		});
	}

	/** A stand-in needs none of NVIDIA's libraries; any other is tried with all. */
	#namedCandidates(provider: string): Candidate[] {
		const origin = providerVariable;
		const ofNvidia = this.findings.flatMap(({ libraries }) =>
			libraries === undefined ? [] : [{ origin, paths: { provider, ...libraries } }],
		);
		return [{ origin, paths: { provider, core: '' } }, ...ofNvidia];
	}

	#candidatesOf(product: Product | undefined): readonly Candidate[] {
		return this.#candidates.filter((candidate) => candidate.product === product);
	}

	/** A failure alone does not count if the library works together with NVIDIA's. */
	async #tryEach(candidates: readonly Candidate[]): Promise<Trial[]> {
		const trials: Trial[] = [];
		for (const candidate of candidates) trials.push(await this.#try(candidate));
		const works = trials.some((trial) => 'runtime' in trial);
		return trials.filter((trial) => !works || 'runtime' in trial || trial.paths.core !== '');
	}

	#try(candidate: Candidate): Promise<Trial> {
		let trial = this.#trials.get(candidate);
		if (trial === undefined) {
			trial = probeLibrary(candidate.paths).then(
				(library) => ({ ...candidate, runtime: { ...library, ...candidate.paths } }),
				(error: unknown) => ({ ...candidate, problem: problemOf(error) }),
			);
			this.#trials.set(candidate, trial);
		}
		return trial;
	}
}

function concerns({ product }: Finding, wanted: readonly Product[]): boolean {
	return product === undefined || wanted.includes(product);
}

function brokenAmong(trials: readonly Trial[]): LibraryObstacle[] {
	return trials.flatMap((trial) => ('problem' in trial ? [{ kind: 'broken' as const, ...trial }] : []));
}

/** Path of this package's library for a product, if this build of the package lacks it. */
export function missingProvider(product: Product): string | undefined {
	const file = providerFile(product);
	return existsSync(file) ? undefined : file;
}

function providerFile(product: Product): string {
	return join(dirname(addonFile()), `${productTable[product].provider}.${process.platform === 'win32' ? 'dll' : 'so'}`);
}
