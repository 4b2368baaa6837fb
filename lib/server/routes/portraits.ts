// POST /v1/portraits: paints, and answers in the form that the client takes.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Size } from '../../geometry.ts';
import { type FinishedImage, imagesOf, type JsonObject, type PortraitRequest, type Told } from '../../jobs/request.ts';
import { Events } from '../answers/events.ts';
import { acceptedFormat, formOf, imageHeaders, imageJson } from '../answers/forms.ts';
import { Parts } from '../answers/mixed.ts';
import { pixelsOf, requireSmall } from '../bodies/photos.ts';
import { readBody } from '../bodies/read.ts';
import { ServerError } from '../problem.ts';
import { problemFor } from '../problem-answer.ts';
import { portraitPhotos, portraitsAnswer, portraitsBody } from '../schemas/portraits.ts';
import { failures, idempotencyKey, usualFailures } from '../schemas/shared.ts';
import type { Cost, Service, Work } from '../service.ts';

export function portraitRoutes(server: FastifyInstance, service: Service): void {
	const { limits } = service;
	server.post('/v1/portraits', {
		bodyLimit: limits.bodyBytes,
		schema: {
			summary: 'Paint portraits',
			description:
				'`Accept` decides the answer: JSON with the files in base64, the file of one image, `multipart/mixed` with a part for each image as it finishes, or `text/event-stream` with the events `step`, `preview`, `image`, `problem` and `done`.',
			operationId: 'createPortraits',
			consumes: ['application/json', 'multipart/form-data'],
			headers: idempotencyKey,
			body: portraitsBody,
			response: {
				200: {
					description: 'The images.',
					content: {
						'application/json': { schema: portraitsAnswer },
						'multipart/mixed': { schema: {} },
						'text/event-stream': { schema: {} },
						'image/*': { schema: { type: 'string' } },
					},
				},
				...failures(406),
				...usualFailures,
			},
		},
		preValidation: readBody(portraitPhotos, limits.bodyBytes),
		handler: async (request, reply) => await answerPortraits(request, reply, service),
	});
}

/** What a request asks for. */
export function portraitRequest(request: FastifyRequest): PortraitRequest {
	return { fields: request.body as JsonObject, files: request.photos };
}

/**
 * How much a request asks for.
 *
 * @param usual - size of images that are asked for without one
 * @throws {ServerError} `TOO_LARGE` for more than the server paints for one request
 */
export async function costOf(request: PortraitRequest, usual: Size, limits: Service['limits']): Promise<Cost> {
	const photos = await requireSmall(request.files, limits.photoPixels);
	const { width, height } = sizeOf(request, photos, usual);
	const images = imagesOf(request);
	const pixels = images * width * height;
	if (images > limits.images || pixels > limits.imagePixels) {
		const most = images > limits.images ? `${limits.images} images` : `${limits.imagePixels} pixels`;
		throw new ServerError(
			'TOO_LARGE',
			`The request is for ${images} images of ${pixels} pixels in all, more than ${most}.`,
			{
				remedy: 'Ask for fewer at a time.',
			},
		);
	}
	return { images, pixels: pixels + pixelsOf(photos) };
}

/** Of each image: as the fields say, else the recipe, else the photo that it begins as, which a mask leaves at the model's own size. */
function sizeOf({ fields, files }: PortraitRequest, photos: ReadonlyMap<string, Size>, usual: Size): Size {
	const asked = fields as Partial<Size> & { recipe?: { options?: Partial<Size> } };
	const begun = files['mask.0'] === undefined ? photos.get('image.0') : undefined;
	const side = (name: keyof Size) => {
		const told = [asked[name], asked.recipe?.options?.[name]].find((value) => Number.isInteger(value) && value! > 0);
		return told ?? begun?.[name] ?? usual[name];
	};
	return { width: side('width'), height: side('height') };
}

async function answerPortraits(request: FastifyRequest, reply: FastifyReply, service: Service): Promise<unknown> {
	const { fields, files } = portraitRequest(request);
	const { accept } = request.headers;
	const { format: named } = fields as { format?: string };
	const ofOne = named ?? acceptedFormat(accept) ?? 'png';
	const form = formOf(accept, { images: imagesOf({ fields, files }), imageType: `image/${ofOne}` });
	const asked = { fields: { ...fields, format: form === 'image' ? ofOne : (named ?? 'png') }, files };
	const cost = await costOf(asked, service.painter().info.imageSize, service.limits);
	if (form !== 'json' && form !== 'image') requireNoKey(request);
	const work = await service.admit(request, reply, cost);
	reply.header('cache-control', 'no-store');
	const paint = async (told: Omit<Told, 'signal'>) => await paintAs(work, (told) => service.perform(asked, told), told);
	if (form === 'events') return answerEvents(request, reply, paint);
	if (form === 'mixed') return await answerParts(request, reply, paint);
	const images: FinishedImage[] = [];
	await paint({
		onImage: (image) => {
			images[image.index] = image;
		},
	});
	if (form === 'json') return { images: images.map(imageJson) };
	const [image] = images as [FinishedImage];
	return reply.headers(imageHeaders(image)).send(image.bytes);
}

/** An answer that was given piece by piece is not kept. */
function requireNoKey({ headers }: FastifyRequest): void {
	if (headers['idempotency-key'] === undefined) return;
	throw new ServerError('NOT_ACCEPTABLE', 'The answer to a request with an Idempotency-Key comes as a whole.', {
		remedy: 'Accept application/json or an image, or leave the key out.',
	});
}

type Paint = (told: Omit<Told, 'signal'>) => Promise<void>;

/** Paints, and tells what there is to count of it. */
async function paintAs(
	work: Work,
	perform: (told: Told) => Promise<void>,
	{ onStep, onImage, ...told }: Omit<Told, 'signal'>,
): Promise<void> {
	const admitted = performance.now();
	let begun: number | undefined;
	const begin = () => {
		if (begun !== undefined) return;
		begun = performance.now();
		work.spent('waiting', (begun - admitted) / 1000);
	};
	try {
		await perform({
			...told,
			signal: work.signal,
			onStep: (progress) => {
				begin();
				onStep?.(progress);
			},
			onImage: async (image) => {
				work.painted();
				await onImage(image);
			},
		});
		if (begun !== undefined) work.spent('painting', (performance.now() - begun) / 1000);
	} finally {
		work.leave();
	}
}

function answerEvents(request: FastifyRequest, reply: FastifyReply, paint: Paint): FastifyReply {
	const events = new Events();
	let images = 0;
	void paint({
		onStep: (progress) => events.send('step', progress, false),
		...('preview' in (request.body as object) && {
			onPreview: (preview) => events.send('preview', imageJson(preview as never), false),
		}),
		onImage: (image) => {
			images++;
			events.send('image', imageJson(image));
		},
	})
		.then(
			() => events.send('done', { images }),
			(error: unknown) => events.send('problem', problemFor(error, request).problem),
		)
		.finally(() => events.end());
	return reply.header('content-type', 'text/event-stream').header('x-accel-buffering', 'no').send(events.stream);
}

/** A failure before the first image is answered as such; a later one is the last part. */
async function answerParts(request: FastifyRequest, reply: FastifyReply, paint: Paint): Promise<FastifyReply> {
	const parts = new Parts();
	await new Promise<void>((begin, fail) => {
		let hasBegun = false;
		void paint({
			onImage: (image) => {
				hasBegun = true;
				begin();
				parts.add(imageHeaders(image), image.bytes);
			},
		})
			.catch((error: unknown) => {
				if (!hasBegun) return fail(error);
				const told = Buffer.from(JSON.stringify(problemFor(error, request).problem));
				parts.add({ 'content-type': 'application/problem+json' }, told);
			})
			.finally(() => parts.end());
	});
	return reply.header('content-type', parts.mediaType).send(parts.stream);
}
