// The forms in which portraits are answered, and which of them a client takes.
import type { FinishedImage } from '../../jobs/request.ts';
import { ServerError } from '../problem.ts';
import { answeredFormats } from '../schemas/portraits.ts';

/** A form of the answer to a request for portraits. */
export type Form = 'json' | 'image' | 'mixed' | 'events';

const mediaTypes: Readonly<Record<string, Form>> = {
	'application/json': 'json',
	'multipart/mixed': 'mixed',
	'text/event-stream': 'events',
};

type Range = { type: string; quality: number };

/**
 * Chooses the form by the header `Accept` (RFC 9110, section 12.5.1): of those with the highest quality the first.
 *
 * @param imageType - of the files that are painted
 * @throws {ServerError} `NOT_ACCEPTABLE`
 */
export function formOf(accept: string | undefined, { images, imageType }: { images: number; imageType: string }): Form {
	const ranges = rangesOf(accept ?? '*/*');
	for (const { type } of ranges) {
		if (type === '*/*' || type === 'application/*') return 'json';
		const form = mediaTypes[type];
		if (form !== undefined) return form;
		if (type !== imageType && type !== 'image/*') continue;
		if (images === 1) return 'image';
		throw new ServerError('NOT_ACCEPTABLE', `The answer to ${images} images can't be one image.`, {
			remedy: 'Accept application/json, multipart/mixed or text/event-stream, or ask for one image.',
		});
	}
	throw new ServerError('NOT_ACCEPTABLE', `The answer can't be ${JSON.stringify((accept ?? '').slice(0, 200))}.`, {
		remedy: `Accept application/json, ${imageType}, multipart/mixed or text/event-stream.`,
	});
}

/** The format of images that `Accept` names, where the request names none. */
export function acceptedFormat(accept: string | undefined): (typeof answeredFormats)[number] | undefined {
	const named = rangesOf(accept ?? '').map(({ type }) => answeredFormats.find((format) => type === `image/${format}`));
	return named.find((format) => format !== undefined);
}

function rangesOf(accept: string): Range[] {
	return accept
		.split(',')
		.map((text) => {
			const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
			const quality = parameters.find((one) => one.startsWith('q='));
			return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
		})
		.filter(({ quality }) => quality > 0)
		.sort((a, b) => b.quality - a.quality);
}

/** An image in JSON. */
export function imageJson({ bytes, ...image }: FinishedImage) {
	return { ...image, data: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
}

/** The headers that tell of an image, where the body is its file. */
export function imageHeaders({ index, seed, similarity, warnings, mediaType }: FinishedImage): Record<string, string> {
	return {
		'content-type': mediaType,
		'content-disposition': `attachment; filename="portrait-${seed}.${mediaType.slice('image/'.length)}"`,
		'arc2face-index': String(index),
		'arc2face-seed': String(seed),
		...(typeof similarity === 'number' && { 'arc2face-similarity': String(similarity) }),
		...(warnings.length > 0 && { 'arc2face-warnings': warnings.map(({ code }) => code).join(', ') }),
	};
}
