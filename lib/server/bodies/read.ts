// Reads a request's body in any of its forms, before its fields are validated.
import type { FastifyInstance, FastifyRequest, preValidationAsyncHookHandler } from 'fastify';
import { Arc2FaceError, problemOf } from '../../errors.ts';
import type { JsonObject } from '../../jobs/request.ts';
import { invalid } from '../../options/check.ts';
import { ServerError } from '../problem.ts';
import { fileName, type PhotoFields, takePhotos } from './photos.ts';

declare module 'fastify' {
	interface FastifyRequest {
		/** Photos of the body, by what they are for. */
		photos: Record<string, Uint8Array>;
	}
}

/** Bodies that are an image become the photo of the request. */
export function readImages(server: FastifyInstance, bodyLimit: number): void {
	server.addContentTypeParser(/^image\//, { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
}

/**
 * @param photoFields - which fields hold photos
 * @returns leaves the fields in `body`, and photos in `photos`
 */
export function readBody(photoFields: PhotoFields, bodyLimit: number): preValidationAsyncHookHandler {
	return async (request) => {
		if (request.isMultipart()) {
			try {
				await whileItArrives(request, readForm(request, photoFields, bodyLimit));
			} catch (error) {
				throw ofForm(error);
			} finally {
				// What is left of it, also behind its end, would stand before the next request on its connection.
				request.raw.unpipe().resume();
			}
			return requireShallow(request.body);
		}
		if (Buffer.isBuffer(request.body)) {
			request.photos = { photo: request.body };
			request.body = {};
			return;
		}
		const { body } = request;
		if (typeof body !== 'object' || body === null || Array.isArray(body)) return; // for the schema to refuse
		requireShallow(body);
		const { fields, files } = takePhotos(body as JsonObject, photoFields);
		request.body = fields;
		request.photos = files;
	};
}

/** A recipe has some; without an end, whoever goes through it in depth would run out of stack. */
const mostLevels = 20;

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for what is nested too deeply */
function requireShallow(body: unknown): void {
	let level: unknown[] = [body];
	for (let depth = 0; level.length > 0; depth++) {
		if (depth > mostLevels) {
			throw new Arc2FaceError(
				'INVALID_ARGUMENT',
				`Expected at most ${mostLevels} levels of lists and objects but received more.`,
			);
		}
		level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
	}
}

/** Values are JSON; what is not is text, so that `sampler=ddim` needs no quotes. */
async function readForm(request: FastifyRequest, photoFields: PhotoFields, bodyLimit: number): Promise<void> {
	const fields: Record<string, unknown> = {};
	const photos: Record<string, Uint8Array> = {};
	const counts = new Map<string, number>();
	let bytes = 0;
	const limits = { limits: { fileSize: bodyLimit, fieldSize: bodyLimit, fieldNameSize: 200, parts: 100 } };
	for await (const part of request.parts(limits)) {
		const name = part.fieldname;
		if (part.type === 'file') {
			const file = await part.toBuffer();
			bytes += file.length;
			if (!Object.hasOwn(photoFields, name)) throw unknownFile(name, photoFields);
			const index = counts.get(name) ?? 0;
			counts.set(name, index + 1);
			if (index > 0 && photoFields[name] === 'one') throw invalid('one', name, 'several');
			photos[fileName(name, index, photoFields)] = file;
		} else {
			if (Object.hasOwn(fields, name)) throw invalid('one', name, 'several');
			// A part that says it is JSON comes parsed.
			const value = typeof part.value === 'string' ? parsed(part.value) : part.value;
			bytes += Buffer.byteLength(String(typeof part.value === 'string' ? part.value : JSON.stringify(value)));
			Object.defineProperty(fields, name, {
				value,
				enumerable: true,
				configurable: true,
				writable: true,
			});
		}
		if (bytes > bodyLimit) throw new ServerError('TOO_LARGE', `The body has over ${bodyLimit} bytes.`);
	}
	// Photos as text are base64 here, too: a path would be one of the server's.
	const taken = takePhotos(fields as JsonObject, photoFields);
	request.body = taken.fields;
	request.photos = { ...taken.files, ...photos };
}

/** So long nothing may arrive of a form that is being read. */
const silenceMs = 10_000;

/** The reader of forms waits for ever behind some that are broken, such as by parts without headers. @throws {Arc2FaceError} `INVALID_ARGUMENT` */
async function whileItArrives({ raw }: FastifyRequest, reading: Promise<void>): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const silence = new Promise<never>((_, reject) => {
		let before: number | undefined;
		timer = setInterval(() => {
			const { bytesRead } = raw.socket;
			if (bytesRead === before) reject(new Arc2FaceError('INVALID_ARGUMENT', 'The form has no end.'));
			before = bytesRead;
		}, silenceMs);
	});
	try {
		await Promise.race([reading, silence]);
	} finally {
		clearInterval(timer);
	}
}

/** A failure of the reader of forms, such as at one that ends too early, is the client's. */
function ofForm(error: unknown): unknown {
	if (error instanceof Arc2FaceError || error instanceof ServerError) return error;
	if (typeof (error as { statusCode?: number }).statusCode === 'number') return error;
	return new Arc2FaceError('INVALID_ARGUMENT', `The form can't be read: ${problemOf(error)}.`, { cause: error });
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

function unknownFile(name: string, photoFields: PhotoFields): ServerError {
	const known = Object.keys(photoFields).join(', ');
	return new ServerError(
		'UNSUPPORTED_MEDIA_TYPE',
		`Expected files named ${known} but received ${JSON.stringify(name.slice(0, 80))}.`,
	);
}
