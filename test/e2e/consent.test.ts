// A model with a ledger or a deny list: whom it paints, what it logs before it hands anything out, and what it refuses.
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { DenyList } from '../../lib/consent/deny-list.ts';
import { ConsentLedger } from '../../lib/consent/ledger.ts';
import { Arc2Face, Arc2FaceError, type Consents, type GenerateOptions, Identity, type Who } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { alikeTo, person } from '../ledger-file.ts';

const folder = temporaryFolder();
const key = Buffer.alloc(32, 5);
const photoOf = (name: string) => join(import.meta.dirname, '../fixtures/faces', `person-${name}.jpg`);
const load = { bundle: 'tiny', device: 'cpu', edit: true, reference: true } as const;
const quick = { steps: 2, sampler: 'ddim', guidanceScale: 1, seed: 1 } as const;

/** Two people, of whom Anna is in `photoOf('00-0')`, and Ben in `photoOf('01-0')`. */
let [anna, ben]: Identity[] = [];
let ledger: ConsentLedger;
let model: Arc2Face;
/** Anna's for ads. */
let record: string;
/** Stands between the model and the ledger, so that a test may see or break a call. */
let between: Partial<Consents> = {};
let files = 0;

beforeAll(async () => {
	await using plain = await Arc2Face.load({ bundle: 'tiny', device: 'cpu' });
	[anna, ben] = [await plain.encode(photoOf('00-0')), await plain.encode(photoOf('01-0'))];
	expect(anna.similarity(ben)).toBeLessThan(0.5);
	const forward: Consents = {
		permit: (...given) => (between.permit ?? ledger.permit.bind(ledger))(...given),
		logPreviews: (...given) => (between.logPreviews ?? ledger.logPreviews.bind(ledger))(...given),
		logPainted: (...given) => (between.logPainted ?? ledger.logPainted.bind(ledger))(...given),
		logEncoded: (...given) => (between.logEncoded ?? ledger.logEncoded.bind(ledger))(...given),
	};
	model = await Arc2Face.load({ ...load, consent: forward });
});
afterAll(() => model?.dispose());
beforeEach(async () => {
	between = {};
	await ledger?.dispose();
	ledger = await ConsentLedger.open(folder.path(`${++files}.ledger`), { key, create: true });
	({ id: record } = await ledger.add({ subject: 'anna', purpose: 'ads', identity: anna! }));
});
afterAll(() => ledger?.dispose());

const paint = (who: Who, how: GenerateOptions = {}) => model.generate(who, { ...quick, purpose: 'ads', ...how });
const logged = async () =>
	(await ledger.export()).log.slice(1).map(({ at: _, row: __, ...entry }) => entry as Record<string, unknown>);
const refusal = async (promise: Promise<unknown>) => {
	const error = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	if (error !== undefined && !(error instanceof Arc2FaceError)) throw error;
	return error && { code: error.code, details: error.details as Record<string, unknown> };
};

describe('a model with a ledger', () => {
	test('paints who has a valid record, by reference or likeness, and logs each image by the digest of its recipe', async () => {
		const images = [
			...(await paint(anna!, { subject: 'anna', count: 2 })),
			...(await paint([anna!, Array.from(anna!.embedding)], { subject: ['anna', 'anna'], seed: 7 })),
			...(await paint(await model.encode(photoOf('00-1')))),
		];
		const recipes = await Promise.all(images.map(async (image) => ledger.recipeDigest(await image.recipe())));
		expect(await logged()).toEqual([
			...recipes.slice(0, 4).map((recipe) => ({ kind: 'paint', record, purpose: 'ads', recipe })),
			{ kind: 'encode', record },
			{ kind: 'paint', record, purpose: 'ads', recipe: recipes[4] },
		]);
		expect((await ledger.revoke({ subject: 'anna' })).recipes).toEqual(recipes);
		const saved = JSON.parse(JSON.stringify(await images[0]!.recipe()));
		expect(ledger.recipeDigest(saved)).toBe(recipes[0]);
	});

	test('hands no image out before it is in the log', async () => {
		await using other = await ConsentLedger.open(ledger.file, { key });
		let seen = 0;
		for await (const image of model.generateEach(anna!, { ...quick, purpose: 'ads', count: 3 })) {
			const digest = ledger.recipeDigest(await image.recipe());
			const { log } = await other.export();
			expect(log).toContainEqual(expect.objectContaining({ kind: 'paint', recipe: digest }));
			seen++;
		}
		expect(seen).toBe(3);
	});

	test('hands no image out that could not be logged', async () => {
		let calls = 0;
		between.logPainted = async (...given) => {
			if (++calls === 2) throw new Arc2FaceError('FILE_FAILED', 'The disk is full.');
			await ledger.logPainted(...given);
		};
		const seen: number[] = [];
		const each = async () => {
			for await (const { index } of model.generateEach(anna!, { ...quick, purpose: 'ads', count: 3 })) seen.push(index);
		};
		expect(await refusal(each())).toMatchObject({ code: 'FILE_FAILED' });
		expect([seen.length, calls]).toEqual([1, 2]);
	});

	test('stops when consent is revoked during a call', async () => {
		await using other = await ConsentLedger.open(ledger.file, { key });
		let seen = 0;
		const each = async () => {
			for await (const _ of model.generateEach(anna!, { ...quick, purpose: 'ads', count: 8, steps: 4 })) {
				if (seen++ === 0) await other.revoke({ subject: 'anna' });
			}
		};
		expect(await refusal(each())).toMatchObject({ code: 'CONSENT_REQUIRED', details: { reason: 'revoked' } });
		// Those that were logged before the revocation was.
		expect((await other.list())[0]!.painted).toBe(seen);
		expect(seen).toBeLessThan(8);
	});

	test.each<[string, () => Promise<unknown>, object]>([
		['nobody knows', () => paint(ben!), { reason: 'none' }],
		['is named and is not', () => paint(ben!, { subject: 'anna' }), { reason: 'unlike', subject: 'anna' }],
		['is for another purpose', () => paint(anna!, { purpose: 'news' }), { reason: 'purpose', purpose: 'news' }],
		['is in a list', () => paint([anna!, ben!, anna!]), { reason: 'none', index: 1 }],
		['is between two', () => paint(Identity.slerp(anna!, ben!, 0.9)), { reason: 'none' }],
		['the photo of an edit shows', () => paint(anna!, { image: photoOf('01-0') }), { reason: 'none', photo: 'image' }],
		[
			'a reference shows',
			() => paint(anna!, { reference: { photo: photoOf('01-0') } }),
			{ reason: 'none', photo: 'reference.photo' },
		],
	])('paints nobody who %s', async (_, call, details) => {
		expect(await refusal(call())).toMatchObject({ code: 'CONSENT_REQUIRED', details });
		expect(await logged()).toEqual([]);
	});

	test('asks as much of a recipe, which says who by itself', async () => {
		await using plain = await Arc2Face.load(load);
		const recipes = await Promise.all([anna!, ben!].map(async (who) => (await plain.generate(who, quick))[0].recipe()));
		await model.generate({ recipe: recipes[0]!, purpose: 'ads' });
		expect(await refusal(model.generate({ recipe: recipes[1]!, purpose: 'ads' }))).toMatchObject({
			...{ code: 'CONSENT_REQUIRED', details: { reason: 'none' } },
		});
		expect(await logged()).toEqual([{ kind: 'paint', record, purpose: 'ads', recipe: expect.any(String) }]);
	});

	test('begins with photos of the same person, and of people with a record', async () => {
		expect(await paint(anna!, { image: photoOf('00-1') })).toHaveLength(1);
		await ledger.add({ subject: 'ben', purpose: 'ads', identity: ben! });
		expect(await paint(anna!, { image: photoOf('01-0') })).toHaveLength(1);
		expect(await paint(anna!, { reference: { photo: photoOf('01-0') } })).toHaveLength(1);
	});

	test('logs images under the records of who is in their photos, too, and stops when one of these ends', async () => {
		const { id: bens } = await ledger.add({ subject: 'ben', purpose: 'ads', identity: ben! });
		const photos = [photoOf('00-1'), photoOf('01-0')];
		const images = [
			...(await paint(anna!, { reference: { photo: photoOf('01-0') }, onPreview() {} })),
			...(await paint([anna!, anna!], { image: photos, seed: [7, 8] })),
		];
		const [first, second, third] = await Promise.all(
			images.map(async (image) => ledger.recipeDigest(await image.recipe())),
		);
		const painted = { kind: 'paint', purpose: 'ads' };
		expect((await logged()).slice(1)).toEqual([
			...[record, bens].map((record) => ({ kind: 'preview', record, purpose: 'ads' })),
			...[record, bens].map((record) => ({ ...painted, record, recipe: first })),
			{ ...painted, record, recipe: second },
			...[record, bens].map((record) => ({ ...painted, record, recipe: third })),
		]);
		expect((await ledger.revoke({ subject: 'ben' })).recipes).toEqual([first, third]);

		await ledger.add({ subject: 'ben', purpose: 'ads', identity: ben! });
		const seen: number[] = [];
		const each = async () => {
			const how = { ...quick, purpose: 'ads', count: 8, steps: 4, reference: { photo: photoOf('01-0') } };
			for await (const { index } of model.generateEach(anna!, how)) {
				if (seen.push(index) === 1) await ledger.revoke({ subject: 'ben' });
			}
		};
		expect(await refusal(each())).toMatchObject({ code: 'CONSENT_REQUIRED', details: { reason: 'revoked' } });
		expect(seen.length).toBeLessThan(8);
		expect((await ledger.list({ subject: 'ben' }))[1]!.painted).toBe(seen.length);
	});

	test('logs images that no recipe tells, too', async () => {
		const mask = { data: new Uint8Array(96 * 96).fill(255), width: 96, height: 96, channels: 1 } as const;
		const images = await paint(anna!, { image: photoOf('00-1'), mask, count: 2, seed: [1, 2] });
		await expect(images[0].recipe()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		const one = { kind: 'paint', record, purpose: 'ads' };
		expect(await logged()).toEqual([one, one]);
	});

	test('logs previews before the first is shown', async () => {
		const order: string[] = [];
		between.logPreviews = async (...given) => {
			await ledger.logPreviews(...given);
			order.push('log');
		};
		await paint(anna!, { onPreview: () => order.push('preview') });
		expect(order.slice(0, 2)).toEqual(['log', 'preview']);
		expect((await logged()).map(({ kind }) => kind)).toEqual(['preview', 'paint']);
	});

	test('knows people of the embedded bundle from a similarity of 0.636 on', async () => {
		expect(await paint(alikeTo(anna!.embedding, 0.64))).toHaveLength(1);
		expect(await refusal(paint(alikeTo(anna!.embedding, 0.63)))).toMatchObject({ details: { reason: 'none' } });
	});

	test('logs whom it encodes, and keeps the identity to itself if it can not', async () => {
		await model.encode(photoOf('00-2'));
		await model.encode(photoOf('01-0'));
		expect(await logged()).toEqual([{ kind: 'encode', record }, { kind: 'encode' }]);
		between.logEncoded = async () => {
			throw new Arc2FaceError('FILE_FAILED', 'The disk is full.');
		};
		expect(await refusal(model.encode(photoOf('00-2')))).toMatchObject({ code: 'FILE_FAILED' });
	});

	test('wants to be told what for, at once', () => {
		const permit = vi.fn();
		between.permit = permit;
		const missing = { code: 'INVALID_ARGUMENT', details: { option: 'purpose' } };
		expect(() => model.generateEach(anna!, quick)).toThrow(expect.objectContaining(missing));
		const many = { ...quick, purpose: 'ads', subject: ['anna', 'ben'] };
		expect(() => model.generateEach(anna!, many)).toThrow(expect.objectContaining({ details: { option: 'subject' } }));
		expect(permit).not.toHaveBeenCalled();
	});
});

describe('a model with a deny list', () => {
	let list: DenyList;
	let denying: Arc2Face;
	beforeAll(async () => {
		list = await DenyList.open(folder.path('people.deny'), { key, create: true });
		await list.add('ben', ben!);
		denying = await Arc2Face.load({ ...load, denyList: list });
	});
	afterAll(async () => {
		await denying?.dispose();
		await list?.dispose();
	});

	test('needs no ledger, and paints everybody else', async () => {
		expect(await denying.generate([anna!, person(5)], quick)).toHaveLength(2);
	});

	test.each<[string, () => Promise<unknown>, object]>([
		['by themselves', () => denying.generate(ben!, quick), {}],
		['among others', () => denying.generate([anna!, ben!], quick), { index: 1 }],
		['with something of somebody else', () => denying.generate(Identity.slerp(ben!, anna!, 0.4), quick), {}],
		['after another photo of them', async () => denying.generate(await denying.encode(photoOf('01-1')), quick), {}],
		[
			'in the photo of an edit',
			() => denying.generate(anna!, { ...quick, image: photoOf('01-2') }),
			{ photo: 'image' },
		],
		[
			'in a reference',
			() => denying.generate(anna!, { ...quick, reference: { photo: photoOf('01-2') } }),
			{ photo: 'reference.photo' },
		],
		[
			'by a recipe',
			async () => {
				await using plain = await Arc2Face.load(load);
				const [image] = await plain.generate(ben!, quick);
				return await denying.generate({ recipe: await image.recipe() });
			},
			{},
		],
	])('paints nobody on it, %s', async (_, call, details) => {
		expect(await refusal(call())).toEqual({ code: 'DENIED', details });
	});

	test.each(['face', 'landmarks'] as const)(
		'paints nobody on it whose face no detector finds, told by %s',
		async (how) => {
			const { keypoints } = ben!.face!;
			const margin = 500;
			const photo = await sharp(photoOf('01-0'))
				.extend({ ...{ top: margin, bottom: margin, left: margin, right: margin }, background: '#7f7f7f' })
				.png()
				.toBuffer();
			await using blurred = await Arc2Face.load({ ...load, denyList: list, detectionSize: 32 });
			expect(await blurred.detect(photo)).toEqual([]);
			const [left, right, nose, leftCorner, rightCorner] = keypoints.map(([x, y]) => [x + margin, y + margin] as const);
			const landmarks = Array.from({ length: 68 }, (_, i) => {
				if (i === 48) return leftCorner!;
				if (i === 54) return rightCorner!;
				return i < 36 || i > 47 ? nose! : i < 42 ? left! : right!;
			});
			const face = { keypoints: [left!, right!, nose!, leftCorner!, rightCorner!] as const };
			const reference = how === 'face' ? { photo, face } : { photo, landmarks };
			expect(await refusal(blurred.generate(anna!, { ...quick, reference } as GenerateOptions))).toEqual({
				...{ code: 'DENIED', details: { photo: 'reference.photo' } },
			});
		},
	);

	test('knows people of the embedded bundle from a similarity of 0.55 on', async () => {
		expect(await refusal(denying.generate(alikeTo(ben!.embedding, 0.56), quick))).toMatchObject({ code: 'DENIED' });
		expect(await denying.generate(alikeTo(ben!.embedding, 0.54), quick)).toHaveLength(1);
	});

	test('says no where its ledger says yes', async () => {
		await ledger.add({ subject: 'ben', purpose: 'ads', identity: ben! });
		await using both = await Arc2Face.load({ ...load, consent: ledger, denyList: list });
		const call = { ...quick, purpose: 'ads', subject: 'ben' };
		expect(await refusal(both.generate(ben!, call))).toMatchObject({ code: 'DENIED' });
		expect(await logged()).toEqual([expect.objectContaining({ kind: 'add', subject: 'ben' })]);
	});
});

describe('options', () => {
	test.each([
		['consent', 'a ledger'],
		['consent', {}],
		['denyList', { permit() {} }],
		['denyList', { file: 'a.deny', requireNone() {} }],
	])('of load, %s: %j, are refused', async (option, value) => {
		expect(await refusal(Arc2Face.load({ ...load, [option]: value }))).toMatchObject({
			...{ code: 'INVALID_ARGUMENT', details: { option } },
		});
	});

	test.each(['purpose', 'subject', 'scope'])(
		'of a call, %s, are refused by a model without a ledger',
		async (option) => {
			await using plain = await Arc2Face.load({ bundle: 'tiny', device: 'cpu' });
			expect(() => plain.generateEach(anna!, { [option]: 'x' })).toThrow(
				expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { option } }),
			);
		},
	);

	test('a model that can not read faces takes no photos of people under a guard', async () => {
		const tiny = join(packageRoot, 'models/tiny');
		await mkdir(folder.path('blind'));
		for (const name of await readdir(tiny)) {
			if (name !== 'antelopev2') await symlink(join(tiny, name), join(folder.path('blind'), name));
		}
		const identity = Array.from({ length: 512 }, (_, i) => Math.cos(i));
		await using list = await DenyList.open(folder.path('none.deny'), { key, create: true });
		await using blind = await Arc2Face.load({
			...load,
			bundle: folder.path('blind'),
			reference: false,
			denyList: list,
		});
		expect(await refusal(blind.generate(identity, { ...quick, image: photoOf('00-0') }))).toMatchObject({
			code: 'INVALID_BUNDLE',
		});
		expect(await blind.generate(identity, quick)).toHaveLength(1);
	});
});
