// Figures of a server for Prometheus.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Usage } from '../painting/usage.ts';

/** Where figures come from that others keep: asked for when they are read. */
export type Sources = {
	/** Images in flight, and bytes of bodies, photos and images. */
	gate: () => { images: number; bytes: number };
	/** Undefined until the model is loaded. */
	usage: () => Usage | undefined;
	/** Jobs by state, where there are any. */
	jobs?: (() => Promise<Readonly<Record<string, number>>>) | undefined;
};

/** Seconds: from an answer without a model to long paintings on a CPU. */
const buckets = [0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600];

export class Metrics {
	readonly #registry = new Registry();
	readonly #requests: Counter<'route' | 'method' | 'status'>;
	readonly #seconds: Histogram<'route'>;
	readonly #phases: Histogram<'phase'>;
	readonly #errors: Counter<'code'>;
	readonly #painted: Counter;

	constructor(sources: Sources) {
		const registers = [this.#registry];
		this.#requests = new Counter({
			...{ name: 'arc2face_http_requests_total', help: 'Requests, by route, method and status', registers },
			labelNames: ['route', 'method', 'status'],
		});
		this.#seconds = new Histogram({
			...{ name: 'arc2face_http_request_seconds', help: 'From the head of a request to the end of its answer' },
			...{ labelNames: ['route'], buckets, registers },
		});
		this.#phases = new Histogram({
			...{ name: 'arc2face_phase_seconds', help: 'Latency of a request that paints or reads a photo, by phase' },
			...{ labelNames: ['phase'], buckets, registers },
		});
		this.#errors = new Counter({
			...{ name: 'arc2face_errors_total', help: 'Errors that were answered, by code', labelNames: ['code'], registers },
		});
		this.#painted = new Counter({ name: 'arc2face_images_total', help: 'Images that were painted', registers });
		this.#addSources(sources);
		collectDefaultMetrics({ register: this.#registry, prefix: 'arc2face_' });
	}

	get contentType(): string {
		return this.#registry.contentType;
	}

	async text(): Promise<string> {
		return await this.#registry.metrics();
	}

	/** @param route - the pattern, of which there are few */
	answered(request: { route: string; method: string; status: number; seconds: number }): void {
		const { route, method, status, seconds } = request;
		this.#requests.inc({ route, method, status });
		this.#seconds.observe({ route }, seconds);
	}

	/** `receiving`, `waiting`, `painting` or `reading`. */
	spent(phase: 'receiving' | 'waiting' | 'painting' | 'reading', seconds: number): void {
		this.#phases.observe({ phase }, seconds);
	}

	failed(code: string): void {
		this.#errors.inc({ code });
	}

	painted(images: number): void {
		this.#painted.inc(images);
	}

	#addSources({ gate, usage, jobs }: Sources): void {
		this.#gauge('images_in_flight', 'Images that are painted or wait', () => gate().images);
		this.#gauge('memory_in_flight_bytes', 'Of bodies, photos and images in memory', () => gate().bytes);
		this.#gauge('batch_rows_most', 'Images that one evaluation takes', () => usage()?.batch);
		this.#gauge('model_images', 'Images that the model has, painted or waiting', () => usage()?.images);
		this.#total('evaluations_total', 'Evaluations of the noise predictor', () => usage()?.evaluations);
		this.#total('batch_rows_total', 'Rows of these that were of images', () => usage()?.rows);
		this.#total('batch_places_total', 'Rows that these could have had', () => usage()?.places);
		this.#total('steps_total', 'Steps of images', () => usage()?.steps);
		new Counter({
			...{ name: 'arc2face_model_seconds_total', help: 'Time of the model, by phase', labelNames: ['phase'] },
			registers: [this.#registry],
			collect() {
				this.reset();
				for (const [phase, seconds] of Object.entries(usage()?.seconds ?? {})) this.inc({ phase }, seconds);
			},
		});
		if (jobs === undefined) return;
		new Gauge({
			...{ name: 'arc2face_jobs', help: 'Jobs, by state', labelNames: ['state'], registers: [this.#registry] },
			async collect() {
				this.reset();
				// While their store is away, the other figures are told nevertheless.
				const counts = await jobs().catch(() => ({}));
				for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
			},
		});
	}

	#gauge(name: string, help: string, value: () => number | undefined): void {
		new Gauge({
			...{ name: `arc2face_${name}`, help, registers: [this.#registry] },
			collect() {
				const now = value();
				if (now !== undefined) this.set(now);
			},
		});
	}

	/** What the model counts itself. */
	#total(name: string, help: string, value: () => number | undefined): void {
		new Counter({
			...{ name: `arc2face_${name}`, help, registers: [this.#registry] },
			collect() {
				this.reset();
				this.inc(value() ?? 0);
			},
		});
	}
}
