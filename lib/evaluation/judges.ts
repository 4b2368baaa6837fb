// The networks that judge images: FID's features of an image, and LPIPS of two.

import type { Size } from '../geometry.ts';
import type { DeviceRequest } from '../options/load.ts';
import type { Pixels } from '../photo.ts';

/** Calls may overlap. */
export interface Judges extends AsyncDisposable {
	/** Which of the networks are there. */
	readonly has: Readonly<{ inception: boolean; lpips: boolean }>;
	/** Path and SHA-256 of each weight file, for reports. */
	readonly files: readonly Readonly<{ file: string; sha256: string }>[];
	/** 2048 numbers of an image of any size. */
	inceptionFeatures(image: Pixels, signal?: AbortSignal): Promise<Float32Array>;
	/** How different two images of one size look: 0 for equal ones. */
	lpipsDistance(a: Pixels, b: Pixels, signal?: AbortSignal): Promise<number>;
	dispose(): Promise<void>;
}

export interface JudgeOptions {
	/** The bundle's folder; the files are in `evaluation` below it. */
	folder: string;
	device?: DeviceRequest | undefined;
	threads?: number | undefined;
	/** On a GPU: the sizes of images that engines are built for. */
	imageSizes?: readonly Size[] | undefined;
	cacheDir?: string | undefined;
	signal?: AbortSignal | undefined;
}

/** Loads those of the networks whose files are there: none is no error. */
export async function openJudges(_options: JudgeOptions): Promise<Judges> {
	const absent = () => Promise.reject(new Error('This network is not there.'));
	return {
		has: { inception: false, lpips: false },
		files: [],
		inceptionFeatures: absent,
		lpipsDistance: absent,
		async dispose() {},
		async [Symbol.asyncDispose]() {},
	};
}
