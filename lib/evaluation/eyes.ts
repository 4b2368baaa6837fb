// How an evaluation sees faces: found by the model's detector, told apart by its recogniser, or by another that judges.
import type { Arc2Face } from '../arc2face.ts';
import type { Point } from '../geometry.ts';
import { Identity } from '../identity.ts';
import type { RawPhoto } from '../photo/forms.ts';
import type { Pixels } from '../photo.ts';

/** The largest face of an image. */
export type Seen = Readonly<{
	keypoints: readonly Point[];
	/** How many faces there are. */
	faces: number;
	/** Of length 1, of the recogniser that judges. */
	embedding: Float32Array;
}>;

export class Eyes {
	readonly #model: Pick<Arc2Face, 'detect' | 'encode'>;
	readonly #judge: Pick<Arc2Face, 'encode'>;

	/** @param judge - the model whose recogniser judges (default: the same) */
	constructor(model: Pick<Arc2Face, 'detect' | 'encode'>, judge: Pick<Arc2Face, 'encode'> = model) {
		this.#model = model;
		this.#judge = judge;
	}

	/** Undefined where there is no face. */
	async see(image: Pixels, signal: AbortSignal): Promise<Seen | undefined> {
		const photo = raw(image);
		const faces = await this.#model.detect(photo, { signal });
		const [largest] = faces;
		if (largest === undefined) return undefined;
		const { embedding } = await this.#judge.encode(photo, { face: largest.keypoints, signal });
		return { keypoints: largest.keypoints, faces: faces.length, embedding };
	}

	/** What portraits are painted from: by the model's own recogniser, whoever judges. */
	async identify(image: Pixels, { keypoints }: Seen, signal: AbortSignal): Promise<Identity> {
		return Identity.from(await this.#model.encode(raw(image), { face: keypoints, signal }));
	}
}

function raw({ data, width, height }: Pixels): RawPhoto {
	return { data, width, height, channels: 3 };
}
