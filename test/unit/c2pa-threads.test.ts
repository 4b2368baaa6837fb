// The threads in which manifests are signed and read: what fails, and that the end of one is survived.
import sharp from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import { C2paFailure, readManifests, type SignRequest, signFile } from '../../lib/provenance/c2pa.ts';
import { readySigner } from '../../lib/provenance/signer.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import { newSigner } from '../certificates.ts';

const image = { width: 16, height: 16, channels: 3, background: 'teal' } as const;
async function request(): Promise<{ request: SignRequest; sign: (claim: Uint8Array) => Promise<Uint8Array> }> {
	const { algorithm, bytes: signatureBytes, sign } = readySigner(await newSigner());
	const bytes = await sharp({ create: image }).png().toBuffer();
	const created = { action: 'c2pa.created', digitalSourceType: sourceTypes.generated };
	const manifest = JSON.stringify({ assertions: [{ label: 'c2pa.actions.v2', data: { actions: [created] } }] });
	return { request: { format: 'image/png', bytes, manifest, settings: '{}', algorithm, signatureBytes }, sign };
}

describe('signing', () => {
	test('fails with what c2pa-rs says of a file that it does not take', async () => {
		const { request: good, sign } = await request();
		for (const bad of [{ format: 'image/none' }, { bytes: Buffer.from('no image') }, { manifest: '{' }]) {
			const failing = signFile({ ...good, ...bad }, sign);
			await expect(failing).rejects.toBeInstanceOf(C2paFailure);
		}
		expect((await signFile(good, sign)).length).toBeGreaterThan(good.bytes.length);
	});

	test('fails with what the signer says, and others go on', async () => {
		const { request: good, sign } = await request();
		const refusal = new Error('no');
		const [failed, ...others] = await Promise.allSettled([
			signFile(good, () => Promise.reject(refusal)),
			...Array.from({ length: 3 }, () => signFile(good, sign)),
		]);
		expect(failed).toEqual({ status: 'rejected', reason: refusal });
		expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
	});

	test('survives the end of its thread: who ended it fails, and others are signed anew', async () => {
		const { request: good, sign } = await request();
		// More than there is memory for: it panics.
		const [dying, ...others] = await Promise.allSettled([
			signFile({ ...good, signatureBytes: 2 ** 31 }, async (claim) => claim),
			signFile(good, sign),
			signFile(good, sign),
		]);
		expect(dying).toMatchObject({ status: 'rejected', reason: { name: 'C2paLoss' } });
		expect(others).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
		expect((await signFile(good, sign)).length).toBeGreaterThan(good.bytes.length);
	});

	test('does not touch the file that it is given', async () => {
		const { request: good, sign } = await request();
		const before = Buffer.from(good.bytes);
		await signFile(good, sign);
		expect(before.equals(good.bytes)).toBe(true);
	});
});

describe('reading', () => {
	const plain = async () => ({
		...{ format: 'image/png', bytes: await sharp({ create: image }).png().toBuffer(), settings: '{}' },
	});

	test('ends after a minute, and others go on', async () => {
		const request = await plain();
		vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
		try {
			const [slow, other] = [readManifests(request), readManifests(request)];
			const ended = expect(slow).rejects.toThrow(/took longer than 60 seconds/);
			await Promise.resolve(); // it begins
			expect(vi.getTimerCount()).toBe(1);
			vi.advanceTimersByTime(60_000);
			await ended;
			await expect(other).rejects.toThrow('JumbfNotFound');
			expect(vi.getTimerCount()).toBe(0);
		} finally {
			vi.useRealTimers();
		}
	});
});

test('a file without a manifest is told by a failure', async () => {
	const bytes = await sharp({ create: image }).png().toBuffer();
	await expect(readManifests({ format: 'image/png', bytes, settings: '{}' })).rejects.toThrow('JumbfNotFound');
});
