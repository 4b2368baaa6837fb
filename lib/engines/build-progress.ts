// The progress of an engine build as one number.
/** What the builder of an engine reports: `step` of `steps` are done in this phase. Phases nest. */
export type BuildReport = Readonly<{ phase: string; step: number; steps: number }>;

/** The phases of NVIDIA's builder that hold all others, and that take nearly all of the time: as many steps for each profile. */
const [wholeBuild, longest] = ['Building engine', 'Computing profile costs'];

/**
 * Turns a builder's reports into one number. A phase that begins while another is under way counts as part of that one's current
 * step. For NVIDIA's builder only the longest phase counts: it took 122 s of a build of 124 s.
 */
export class BuildProgress {
	/** Phases under way, outermost first. */
	#phases: BuildReport[] = [];
	#fraction = 0;

	/** @returns how much of the build is done, 0–1; never less than before */
	add(report: BuildReport): number {
		const place = this.#phases.findIndex(({ phase }) => phase === report.phase);
		// Phases that began after it have ended too.
		const outer = place < 0 ? this.#phases : this.#phases.slice(0, place);
		this.#phases = [...outer, report];
		const done = this.#counted().reduceRight(
			(inner, { step, steps }) => Math.min(1, (step + inner) / Math.max(1, steps)),
			0,
		);
		if (report.step >= report.steps) this.#phases = outer;
		this.#fraction = Math.max(this.#fraction, done);
		return this.#fraction;
	}

	#counted(): readonly BuildReport[] {
		if (this.#phases[0]?.phase !== wholeBuild) return this.#phases;
		const place = this.#phases.findIndex(({ phase }) => phase === longest);
		return place < 0 ? [] : this.#phases.slice(place);
	}
}
