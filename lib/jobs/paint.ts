// Paints one job: its files are in the store before anybody says that they are.
import { Arc2FaceError, type ErrorCode } from '../errors.ts';
import { sha256 } from '../files/digests.ts';
import type { JobImage, JobProgress, Workshop } from './job.ts';
import type { FinishedImage, PortraitRequest } from './request.ts';

/** How often a job may fail by what may pass. */
export const mostFailures = 8;
/** How often processes may end while they work on a job: most do so for other reasons, and each takes all that it works on with it. */
export const mostEndings = 32;

/** Failures of the moment. All others would come again. */
const passing: ReadonlySet<ErrorCode> = new Set([
	'OUT_OF_MEMORY',
	'DEVICE_LOST',
	'ENGINE_FAILED',
	'DISPOSED',
	'FILE_FAILED',
]);

export function mayPass(error: unknown): boolean {
	return error instanceof Arc2FaceError && passing.has(error.code);
}

/** How far it is, and which images are finished. */
export type Report = (progress: JobProgress, images: readonly JobImage[]) => void;

/**
 * @param of - how many images it is for
 * @returns its images, in their order
 */
export async function paintJob(
	job: { id: string; of: number; request: PortraitRequest },
	{ perform, results }: Workshop,
	{ signal, report }: { signal: AbortSignal; report: Report },
): Promise<JobImage[]> {
	const images: JobImage[] = [];
	let done = { step: 0, steps: 0 };
	const tell = () => report({ images: images.length, of: job.of, ...done }, inOrder(images));
	await perform(job.request, {
		signal,
		onStep: ({ step, steps }) => {
			done = { step, steps };
			tell();
		},
		onImage: async (image) => {
			images.push(await keep(job.id, image, results));
			tell();
		},
	});
	return inOrder(images);
}

/** Named after what is in it: a process that was thought dead and paints the image once more changes nothing of the first one's file. */
async function keep(job: string, { bytes, ...image }: FinishedImage, results: Workshop['results']): Promise<JobImage> {
	const digest = sha256(bytes);
	const format = image.mediaType.slice('image/'.length);
	const name = `portrait-${image.index}-${image.seed}-${digest.slice(0, 12)}.${format}`;
	await results.put(job, name, bytes);
	return { ...image, name, bytes: bytes.length, sha256: digest };
}

function inOrder(images: readonly JobImage[]): JobImage[] {
	return [...images].sort((a, b) => a.index - b.index);
}
