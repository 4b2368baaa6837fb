// Where models that work side by side run: the first where it is asked for, the others on the next GPUs of its kind in turn.
import type { NativeGpu } from '../native.ts';

/** Another kind of GPU rounds otherwise, and would paint other images. */
export class SideBySide {
	readonly #asked: string | undefined;
	readonly #findGpus: () => readonly NativeGpu[];
	#first: string | undefined;

	/** @param asked - the value of `--device`: one that names a GPU has all models there */
	constructor(asked: string | undefined, findGpus: () => readonly NativeGpu[]) {
		this.#asked = asked;
		this.#findGpus = findGpus;
	}

	/** Of model number `index`, once the first {@link isOn} its own. */
	deviceOf(index: number): string | undefined {
		const first = /^cuda:(\d+)$/.exec(this.#first ?? '')?.[1];
		if (index === 0 || first === undefined || this.#asked === this.#first) return this.#first ?? this.#asked;
		const gpus = this.#findGpus();
		const own = Number(first);
		const alike = [...gpus.keys()].filter((gpu) => gpu === own || isLike(gpus[gpu]!, gpus[own]));
		return `cuda:${alike[(alike.indexOf(own) + index) % alike.length] ?? own}`;
	}

	/** @param device - of a model that was loaded */
	isOn(device: string): void {
		this.#first ??= device;
	}
}

function isLike(one: NativeGpu, other: NativeGpu | undefined): boolean {
	const fields = ['name', 'capability', 'multiprocessors'] as const;
	return one.supported && other !== undefined && fields.every((field) => one[field] === other[field]);
}
