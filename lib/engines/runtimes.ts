import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { problemOf } from '../errors.ts';
import { addonFile, type EngineLibraryPaths } from '../native.ts';
import { type ProbedLibrary, probeLibrary } from './probe.ts';
import {
	coreNameOf,
	type Finding,
	type Product,
	products,
	type Surroundings,
	searchTensorRt,
	tensorRtVariable,
} from './search.ts';

/** Environment variable that names a provider library to use instead of this package's own two: for developers and tests. */
export const providerVariable = 'ARC2FACE_PROVIDER';

/** Libraries that work together: what they are, and where. */
export type EngineRuntime = Readonly<ProbedLibrary & EngineLibraryPaths>;

/** Where they are, as the core is told. */
export function pathsOf({ provider, core, parser }: EngineRuntime): EngineLibraryPaths {
	return { provider, core, ...(parser === undefined ? {} : { parser }) };
}

/** Libraries that may work together. */
type Candidate = Readonly<{
	paths: EngineLibraryPaths;
	/** What led to them, for people. */
	origin: string;
	/** What they are by their names; undefined for those with the provider library that was named. */
	product?: Product;
}>;

/** How it went to try them. */
export type Trial = Candidate & (Readonly<{ runtime: EngineRuntime }> | Readonly<{ problem: string }>);

/** This package's library for each product; it lies beside the addon. */
const providerNames: Readonly<Record<Product, string>> = {
	TensorRT: 'arc2face_tensorrt',
	'TensorRT-RTX': 'arc2face_tensorrt_rtx',
};

/** The libraries of this machine that may build and run engines. Each is tried once, in a process of its own, when it is needed. */
export class EngineRuntimes {
	/** Every folder that was looked into. */
	readonly findings: readonly Finding[];
	/** What {@link providerVariable} names, as an absolute path. */
	readonly named: string | undefined;
	readonly #candidates: readonly Candidate[];
	readonly #trials = new Map<Candidate, Promise<Trial>>();

	constructor(surroundings: Surroundings = {}) {
		const named = (surroundings.env ?? process.env)[providerVariable];
		this.named = named ? resolve(named) : undefined;
		this.findings = products.flatMap((product) => searchTensorRt(product, surroundings));
		this.#candidates = this.named === undefined ? this.#ownCandidates() : this.#namedCandidates(this.named);
	}

	/** The first libraries of a product that work; of any product, when a provider library is named. */
	async first(product?: Product): Promise<EngineRuntime | undefined> {
		for (const candidate of this.#candidatesOf(product)) {
			const trial = await this.#try(candidate);
			if ('runtime' in trial) return trial.runtime;
		}
		return undefined;
	}

	/** Tries everything that was found. */
	async tryAll(): Promise<Trial[]> {
		return await this.#tryEach(this.#candidates);
	}

	/** Sentences that say, when {@link first} found none, what was looked for and what was found. */
	async obstacles(product?: Product): Promise<string[]> {
		const wanted = product === undefined ? products : [product];
		const cores = wanted.map(coreNameOf).filter((name) => name !== undefined);
		if (cores.length === 0) return [`There is no TensorRT for ${process.platform}.`];
		const missing = product === undefined ? undefined : missingProvider(product);
		if (missing !== undefined) return [`This build of the package has no ${missing}, so it can't use ${product}.`];

		const trials = await this.#tryEach(this.#candidatesOf(product));
		const failures = trials.flatMap((trial) => ('problem' in trial ? [trial.problem] : []));
		const sentences = [...failures, ...this.unusable(wanted)];
		const findings = this.findings.filter((finding) => wanted.includes(finding.product));
		if (findings.some(({ libraries }) => libraries !== undefined)) return sentences;
		const folders = [...new Set(findings.map(({ folder }) => folder))];
		return [...sentences, `Found no ${cores.join(' and no ')} in ${folders.join(', ')}.`];
	}

	/**
	 * Sentences about places that are of no use by the names of what is there.
	 *
	 * @param because - what led to them (default: anything)
	 */
	unusable(wanted: readonly Product[], because?: string): string[] {
		const sentences = this.findings.flatMap(({ product, folder, origin, problem }) => {
			const counts = wanted.includes(product) && (because === undefined || because === origin);
			return counts && problem !== undefined ? [`${folder} (${origin}) ${problem}.`] : [];
		});
		// A place may be no good for both products for one reason.
		return [...new Set(sentences)];
	}

	/** Sentences that say why what {@link tensorRtVariable} names for a product is of no use, if so. It goes before all else, so it was tried. */
	async passedOver(product: Product): Promise<string[]> {
		const trials = await this.#tryEach(this.#candidatesOf(product).filter(({ origin }) => origin === tensorRtVariable));
		const failures = trials.flatMap((trial) => ('problem' in trial ? [trial.problem] : []));
		return [...this.unusable([product], tensorRtVariable), ...failures];
	}

	#ownCandidates(): Candidate[] {
		return this.findings.flatMap(({ product, origin, libraries }) => {
			const provider = providerFile(product);
			if (libraries === undefined || !existsSync(provider)) return [];
			return [{ product, origin, paths: { provider, ...libraries } }];
		});
	}

	/** A library that stands in for NVIDIA's needs none of them; any other is tried with all. */
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

	/** That a library fails alone says nothing when it works with NVIDIA's. */
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

/** Path of this package's library for a product, if this build of the package lacks it. */
export function missingProvider(product: Product): string | undefined {
	const file = providerFile(product);
	return existsSync(file) ? undefined : file;
}

function providerFile(product: Product): string {
	return join(dirname(addonFile()), `${providerNames[product]}.${process.platform === 'win32' ? 'dll' : 'so'}`);
}
