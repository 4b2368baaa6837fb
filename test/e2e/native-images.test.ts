// The native surface of generate: images come one by one, before the call ends.
import { expect, test } from 'vitest';
import { openBundle } from '../../lib/bundle/bundle.ts';
import { findOnnxRuntime } from '../../lib/device/onnxruntime-library.ts';
import { embeddingLength } from '../../lib/identity.ts';
import { loadNative } from '../../lib/native.ts';
import { packPlan } from '../../lib/samplers/plan.ts';
import { makePlan } from '../../lib/samplers/samplers.ts';

test('an image arrives while others are still being denoised', async () => {
	const { files, networks, tokens, geometry, schedule } = await openBundle('tiny');
	const runtime = { onnxruntime: findOnnxRuntime().library, threads: 0 };
	const { pixelsPerLatent } = geometry;
	const model = await loadNative().load({ runtime, files, networks, ...tokens, pixelsPerLatent }).promise;
	// Latents of 16 × 16 share an evaluation of 64 rows, which is 32 images with guidance: the last one starts one evaluation later.
	const side = 16 * pixelsPerLatent;
	const images = 33;
	const events: string[] = [];
	const sizes: number[] = [];
	await model.generate({
		embeddings: new Float32Array(embeddingLength).fill(1),
		identityOfImage: new Uint32Array(images),
		plan: packPlan(makePlan('dpm++2m', 2, schedule)),
		guidanceScale: 3,
		seeds: Float64Array.from({ length: images }, (_, i) => i),
		width: side,
		height: side,
		onStep: ({ step }) => events.push(`step ${step}`),
		onImage: ({ index, pixels }) => {
			events.push(`image ${index}`);
			sizes.push(pixels.length);
		},
	}).promise;
	await model.dispose();

	const painted = events.filter((event) => event.startsWith('image'));
	expect(new Set(painted)).toEqual(new Set(Array.from({ length: images }, (_, i) => `image ${i}`)));
	expect(painted).toHaveLength(images);
	expect(sizes).toEqual(painted.map(() => side * side * 3));
	expect(events.indexOf('image 0')).toBeLessThan(events.indexOf('step 2')); // reported once the last one is done
	expect(events.indexOf('step 2')).toBeLessThan(events.indexOf('image 32'));
});
