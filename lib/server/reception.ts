// The reception of a server: who may come in, when there is room, and what is told of it afterwards.
import { Clients } from './clients/clients.ts';
import { Gate } from './gate/gate.ts';
import type { GateLimits } from './gate/limits.ts';
import { IdempotentAnswers } from './idempotency.ts';
import { Metrics, type Sources } from './metrics.ts';
import { Origins } from './origins.ts';
import { Shutdown } from './shutdown.ts';

/** Who may use a server, and how much of it. */
export interface ReceptionOptions {
	/** File of API keys, as `arc2face keys add` makes it; read again when it changes (default: none). */
	keys?: string | undefined;
	/** Further keys: `NAME:KEY`, separated by commas or white space (default: none, and without a file everybody may come). */
	apiKeys?: string | undefined;
	/** Origins of web pages that may call the server, such as https://example.com (default: only its own page). */
	allowOrigins?: readonly string[] | undefined;
	/**
	 * Whether the server listens on this machine alone. Then, without keys, it answers only to names of this machine, so that no
	 * page reaches it through a name of its own (default false).
	 */
	isLocal?: boolean | undefined;
	/** How much it takes at once and in time. */
	limits?: GateLimits | undefined;
	/** Told after the file of keys has changed: how many it has, or why the old ones stay. */
	onKeys?: ((result: { keys: number } | { error: unknown }) => void) | undefined;
}

/** One for every server. Close it when the server has ended. */
export class Reception {
	/** @internal */
	readonly clients: Clients;
	/** @internal */
	readonly gate: Gate;
	/** @internal */
	readonly origins: Origins;
	/** @internal */
	readonly answers = new IdempotentAnswers();
	/** @internal */
	readonly shutdown = new Shutdown();
	/** @internal */
	readonly metrics: Metrics;
	#sources: Omit<Sources, 'gate'> = { usage: () => undefined };

	private constructor(clients: Clients, { allowOrigins = [], isLocal = false, limits }: ReceptionOptions) {
		this.clients = clients;
		this.gate = new Gate(limits);
		this.origins = new Origins(allowOrigins, { needKey: clients.needKey, isLocal });
		this.metrics = new Metrics({
			gate: () => this.gate,
			usage: () => this.#sources.usage(),
			jobs: async () => (await this.#sources.jobs?.()) ?? {},
		});
	}

	/** @throws {Arc2FaceError} `INVALID_ARGUMENT`; `FILE_FAILED` */
	static async open(options: ReceptionOptions = {}): Promise<Reception> {
		const { keys, apiKeys, onKeys } = options;
		const clients = await Clients.open({ file: keys, variable: apiKeys, ...(onKeys && { onReload: onKeys }) });
		try {
			return new Reception(clients, options);
		} catch (error) {
			clients.close();
			throw error;
		}
	}

	/** Says where the figures of the work come from, once there is some. @internal */
	measure(sources: Omit<Sources, 'gate'>): void {
		this.#sources = sources;
	}

	/**
	 * Takes no new work, and waits for what is in progress; the rest is stopped and answered with `UNAVAILABLE`. Then close the server.
	 *
	 * @param graceSeconds - how long work may take to finish
	 * @returns whether all was finished
	 */
	async end(graceSeconds: number): Promise<boolean> {
		return await this.shutdown.begin(graceSeconds);
	}

	/** Watches the file of keys no longer. */
	close(): void {
		this.clients.close();
	}
}
