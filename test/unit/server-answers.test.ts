// What the server answers, apart from painting: forms, events, parts, problems.
import { describe, expect, test } from 'vitest';
import { Arc2FaceError, errorCodes } from '../../lib/errors.ts';
import { Events } from '../../lib/server/answers/events.ts';
import { formOf } from '../../lib/server/answers/forms.ts';
import { Parts } from '../../lib/server/answers/mixed.ts';
import { fileName, takePhotos } from '../../lib/server/bodies/photos.ts';
import { problemOf, ServerError, serverCodes } from '../../lib/server/problem.ts';
import { portraitPhotos } from '../../lib/server/schemas/portraits.ts';

describe('the form that a client takes', () => {
	const one = { images: 1, imageType: 'image/webp' };
	test.each([
		[undefined, 'json'],
		['*/*', 'json'],
		['application/json', 'json'],
		['image/webp', 'image'],
		['image/*', 'image'],
		['multipart/mixed', 'mixed'],
		['text/event-stream', 'events'],
		['TEXT/Event-Stream; charset=utf-8', 'events'],
		['application/json;q=0.5, image/webp', 'image'],
		['image/png, application/json;q=0.1', 'json'],
		['text/html, */*;q=0.1', 'json'],
	])('%s', (accept, form) => {
		expect(formOf(accept, one)).toBe(form);
	});

	test.each([
		['image/png', one, 'image/webp'],
		['text/html', one, 'image/webp'],
		['application/json;q=0', one, 'image/webp'],
		['image/webp', { ...one, images: 2 }, 'one image'],
	])('%s is refused', (accept, images, word) => {
		const failure = expect(() => formOf(accept, images));
		failure.toThrow(ServerError);
		failure.toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE', remedy: expect.stringContaining(word) }));
	});
});

describe('events', () => {
	test('are one block each, whatever their text', async () => {
		const events = new Events();
		events.send('image', { text: 'one\ntwo\r\nevent: done' });
		events.end();
		const blocks = (await events.stream.toArray()).join('').split('\n\n').filter(Boolean);
		expect(blocks).toEqual([':', 'event: image\ndata: {"text":"one\\ntwo\\r\\nevent: done"}']);
	});

	test('that a slow reader can do without are left out, the others kept', async () => {
		const events = new Events();
		const large = 'x'.repeat(100_000);
		for (let i = 0; i < 50; i++) events.send('preview', { i, large }, false);
		for (let i = 0; i < 5; i++) events.send('image', { i, large });
		// Nobody has read so far.
		expect(events.stream.readableLength).toBeLessThan(1_000_000);
		events.end();
		const text = (await events.stream.toArray()).join('');
		expect(text.match(/event: preview/g)?.length).toBe(3);
		expect(text.match(/event: image/g)?.length).toBe(5);
	});

	test('take nothing more after the end, as of a preview that was late', async () => {
		const events = new Events();
		events.send('done', {});
		events.end();
		events.send('preview', {}, false);
		expect((await events.stream.toArray()).join('')).toMatch(/event: done\n.*\n\n$/);
	});

	test('end nothing when the reader has gone', () => {
		const events = new Events();
		events.stream.destroy();
		events.send('image', {});
		events.end();
		expect(events.stream.readableLength).toBeLessThan(10);
	});
});

test('parts are what a reader of forms reads', async () => {
	const parts = new Parts();
	const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
	parts.add({ 'content-type': 'image/png', 'content-disposition': 'form-data; name="a"; filename="a.png"' }, bytes);
	parts.add({ 'content-type': 'image/png', 'content-disposition': 'form-data; name="b"; filename="b.png"' }, bytes);
	parts.end();
	const body = Buffer.concat(await parts.stream.toArray());
	// undici's reader, which knows the form of the parts, under the one name that it takes.
	const type = parts.mediaType.replace('multipart/mixed', 'multipart/form-data');
	const form = await new Response(body, { headers: { 'content-type': type } }).formData();
	expect([...form.keys()]).toEqual(['a', 'b']);
	for (const file of form.values()) expect(new Uint8Array(await (file as File).arrayBuffer())).toEqual(bytes);
});

describe('photos in JSON', () => {
	const photo = Buffer.from('a photo').toString('base64');

	test('are taken out, wherever they are, and the body of the client stays as it is', () => {
		const json = {
			...{ photo, image: [photo, `data:image/png;base64,${photo}`], mask: photo, seed: 3 },
			...{ control: { image: photo, scale: 1 }, reference: { photo } },
		};
		const before = structuredClone(json);
		const { fields, files } = takePhotos(json, portraitPhotos);
		expect(json).toEqual(before);
		expect(fields).toEqual({ seed: 3, control: { scale: 1 }, reference: {} });
		expect(Object.keys(files).sort()).toEqual(
			['control.image', 'image.0', 'image.1', 'mask.0', 'photo', 'reference.photo'].sort(),
		);
		for (const bytes of Object.values(files)) expect(Buffer.from(bytes).toString()).toBe('a photo');
	});

	test.each([
		['nothing', ''],
		['other characters', 'not base64!'],
		['a number', 5],
		['null', null],
		['a URL', 'https://example.com/a.png'],
		['a list', [photo]],
	])('%s is none', (_, value) => {
		expect(() => takePhotos({ photo: value as never }, portraitPhotos)).toThrow(
			expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option: 'photo' } }),
		);
	});

	test('several of one name have an index', () => {
		expect(fileName('image', 2, portraitPhotos)).toBe('image.2');
		expect(fileName('photo', 2, portraitPhotos)).toBe('photo');
	});
});

describe('problems', () => {
	test('of the library say problem and remedy in the words of the client, with their details', () => {
		const error = new Arc2FaceError('INVALID_ARGUMENT', ({ option }) => `Expected ${option('seed')}.`, {
			remedy: ({ option }) => `Pass ${option('precision', 'fp32')}.`,
			details: { option: 'seed' },
		});
		expect(problemOf(error)).toEqual({
			problem: {
				type: expect.stringMatching(/^https:.*errors\.md#invalid_argument$/),
				...{ title: errorCodes.INVALID_ARGUMENT, status: 400, code: 'INVALID_ARGUMENT' },
				...{ detail: 'Expected `seed`.', remedy: 'Pass `"precision": "fp32"`.', details: { option: 'seed' } },
			},
			headers: {},
		});
	});

	test.each([
		new Arc2FaceError('FILE_FAILED', 'Could not read /srv/models/unet.', { details: { file: '/srv/models/unet' } }),
		new Arc2FaceError('INVALID_BUNDLE', 'The bundle /srv/models is bad.', { details: { bundle: '/srv/models' } }),
		new Error('Could not open /srv/models'),
		'/srv/models',
		undefined,
	])('tell nothing of the server itself: %s', (error) => {
		const { problem } = problemOf(error);
		expect(problem.status).toBe(500);
		expect(JSON.stringify(problem)).not.toContain('srv');
	});

	test('of the moment say when to come again', () => {
		for (const code of ['OUT_OF_MEMORY', 'DEVICE_LOST', 'DISPOSED'] as const) {
			const { problem, headers } = problemOf(new Arc2FaceError(code, 'It is so.'));
			expect([problem.status, Number(headers['retry-after']) > 0]).toEqual([503, true]);
		}
	});

	test('every code of the server has a status of a failure', () => {
		const statuses = Object.values(serverCodes).map(({ status }) => status);
		expect(statuses.length).toBeGreaterThan(10);
		expect(statuses.filter((status) => status < 400 || status > 599)).toEqual([]);
	});
});
