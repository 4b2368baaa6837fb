// Who may use the server: keys of a file, which is read again when it changes, and of the environment.
import { timingSafeEqual } from 'node:crypto';
import { Arc2FaceError } from '../../errors.ts';
import { type FileState, isSameContent, stateOf } from '../../files/digests.ts';
import { anonymous, type Client, clientRules } from './client.ts';
import { type KeyEntry, readKeyFile } from './key-file.ts';
import { digestOf } from './keys.ts';

/** The environment variable that holds keys: `NAME:KEY`, separated by commas or white space. */
export const keysVariable = 'ARC2FACE_API_KEYS';

/** Fewer characters could be guessed: 32 of base64 are 192 bits. */
const leastKeyLength = 32;

/** How often the file is looked at. A poll sees what events miss: links that are exchanged, and files of other machines. */
const watchMs = 1000;

export type ClientsOptions = {
	/** The file of keys. */
	file?: string | undefined;
	/** What the environment variable holds. */
	variable?: string | undefined;
	/** Called after a change of the file: how many keys it has, or why the old ones stay. */
	onReload?: (result: { keys: number } | { error: unknown }) => void;
};

type Known = Readonly<{ client: Client; digest: Buffer }>;

export class Clients {
	/** Whether a key is asked for. Without a file and a variable, everybody is `anonymous`. */
	readonly needKey: boolean;
	readonly #fixed: readonly Known[];
	readonly #onReload: ClientsOptions['onReload'];
	#ofFile: readonly Known[] = [];
	#seen: FileState | undefined;
	#timer: NodeJS.Timeout | undefined;

	private constructor({ file, variable, onReload }: ClientsOptions) {
		this.#fixed = variable === undefined || variable.trim() === '' ? [] : keysOfVariable(variable);
		this.#onReload = onReload;
		this.needKey = file !== undefined || this.#fixed.length > 0;
	}

	/** @throws {Arc2FaceError} `FILE_FAILED`; `INVALID_ARGUMENT` for a file or a variable that does not hold keys */
	static async open(options: ClientsOptions = {}): Promise<Clients> {
		const clients = new Clients(options);
		if (options.file !== undefined) {
			await clients.#read(options.file);
			clients.#watch(options.file);
		}
		return clients;
	}

	/** Takes the same time for every key: it is digested, and compared with all. @returns undefined for one that is not known */
	find(key: string | undefined): Client | undefined {
		if (!this.needKey) return anonymous;
		if (key === undefined) return undefined;
		const digest = Buffer.from(digestOf(key), 'hex');
		let found: Client | undefined;
		for (const known of [...this.#fixed, ...this.#ofFile]) {
			if (timingSafeEqual(known.digest, digest)) found = known.client;
		}
		return found;
	}

	/** Watches no longer. */
	close(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
	}

	#watch(file: string): void {
		this.#timer = setTimeout(async () => {
			await this.#reload(file);
			if (this.#timer !== undefined) this.#watch(file);
		}, watchMs).unref();
	}

	async #reload(file: string): Promise<void> {
		try {
			const state = await stateOf(file);
			if (this.#seen !== undefined && isSameContent(state, this.#seen)) return;
			await this.#read(file);
			this.#onReload?.({ keys: this.#ofFile.length });
		} catch (error) {
			const isToldAlready = this.#seen === undefined && isUnreadable(error);
			if (isUnreadable(error)) this.#seen = undefined;
			if (!isToldAlready) this.#onReload?.({ error });
		}
	}

	/** The state is taken first: a change while it is read is seen the next time. */
	async #read(file: string): Promise<void> {
		this.#seen = await stateOf(file);
		const entries = await readKeyFile(file);
		const clash = entries.find(({ name }) => this.#fixed.some(({ client }) => client.name === name));
		if (clash !== undefined) {
			throw new Arc2FaceError('INVALID_ARGUMENT', `The client ${clash.name} is in ${file} and in ${keysVariable}.`, {
				remedy: 'Give one of them another name.',
				details: { file, variable: keysVariable },
			});
		}
		this.#ofFile = entries.map(knownOf);
	}
}

function isUnreadable(error: unknown): boolean {
	return error instanceof Arc2FaceError && error.code === 'FILE_FAILED';
}

function knownOf({ name, limits, sha256 }: KeyEntry): Known {
	return { client: { name, limits }, digest: Buffer.from(sha256, 'hex') };
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT`, without any key in its message */
function keysOfVariable(text: string): Known[] {
	const known = text
		.split(/[\s,]+/)
		.filter((part) => part !== '')
		.map((part, index) => {
			const colon = part.indexOf(':');
			const [name, key] = [part.slice(0, colon), part.slice(colon + 1)];
			if (colon < 0 || !clientRules.name.fits(name) || key.length < leastKeyLength) throw wrongVariable(index);
			return { client: { name, limits: {} }, digest: Buffer.from(digestOf(key), 'hex') };
		});
	for (const [index, { client }] of known.entries()) {
		if (known.findIndex((one) => one.client.name === client.name) < index) throw wrongVariable(index);
	}
	return known;
}

function wrongVariable(index: number): Arc2FaceError {
	return new Arc2FaceError(
		'INVALID_ARGUMENT',
		`Expected NAME:KEY, each name once and each key of at least ${leastKeyLength} characters, for ${keysVariable}, but number ${index + 1} of it is something else.`,
		{ remedy: 'Make a key with `openssl rand -base64 32`.', details: { variable: keysVariable } },
	);
}
