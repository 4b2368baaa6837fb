// Any options of image-to-image and inpainting give photos and a plan that the core can run, or a typed error that names the option. Each
// try follows from its number, so that a failure names it.
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { askedEdit, editPlan, geometryOf, readEdit } from '../../lib/editing/edit.ts';
import { Arc2FaceError } from '../../lib/index.ts';
import { checkGenerateOptions } from '../../lib/options/generate.ts';
import { samplerNames } from '../../lib/samplers/samplers.ts';
import { schedule } from '../recorded-plans.ts';

const model = { width: 128, height: 128, pixelsPerLatent: 8 };
let photos: unknown[];
beforeAll(async () => {
	const picture = (width: number, height: number) =>
		sharp({ create: { width, height, channels: 3, background: 'red' } });
	const raw = (width: number, height: number, channels: number) => ({
		...{ data: new Uint8Array(Math.max(width * height * channels, 0)), width, height, channels },
	});
	photos = [
		...[raw(16, 8, 3), raw(9, 1000, 1), raw(2100, 3, 4), raw(1, 1, 3), raw(0, 4, 3), raw(4, 4, 2)],
		...[await picture(40, 30).png().toBuffer(), picture(64, 64), new Blob([await picture(8, 8).webp().toBuffer()])],
		...[(await picture(40, 30).png().toBuffer()).subarray(0, 60), Buffer.alloc(40, 7), new Uint8Array()],
		...['', 'no/such/file.png', 'https://example.org/a.png', 7, true, null, {}, [], () => {}, Symbol('photo')],
	];
});

test('3000 mixtures of options', { timeout: 120_000 }, async () => {
	let state = 1;
	const below = (limit: number) => {
		state = (state * 48271) % 0x7fffffff; // Park and Miller's generator
		return state % limit;
	};
	const oneOf = <T>(values: readonly T[]): T => values[below(values.length)]!;
	const photo = () => (below(4) === 0 ? Array.from({ length: below(4) }, () => oneOf(photos)) : oneOf(photos));
	const outcomes = { ready: 0, refused: 0 };
	for (let i = 0; i < 3000; i++) {
		const steps = 1 + below(30);
		const options = {
			...{ steps, sampler: oneOf(samplerNames), image: below(20) === 0 ? undefined : photo() },
			...(below(2) === 0 && { mask: photo() }),
			...(below(2) === 0 && { strength: oneOf([0, 0.01, 0.3, 0.5, 0.99, 1, 1.01, -1, Number.NaN, '1', null]) }),
			...(below(4) === 0 && { overlay: oneOf([true, false, 1, 'yes']) }),
			...(below(6) === 0 && { width: oneOf([8, 64, 60, 4096]) }),
			...(below(20) === 0 && { latents: new Float32Array(4) }),
			...(below(4) === 0 && { seed: [1, 2] }),
		};
		const identities = 1 + below(2);
		try {
			checkGenerateOptions(options as never);
			const edit = askedEdit(options as never, identities);
			if (edit === undefined) continue;
			const read = await readEdit(edit);
			const { width, height } = geometryOf(read, model, options as never);
			expect(width % 8 === 0 && height % 8 === 0 && width >= 8 && height >= 0, `try ${i}: ${width} × ${height}`).toBe(
				true,
			);
			const plan = editPlan(edit, options.sampler, steps, schedule(), { eta: 0 });
			expect(plan.steps.length, `try ${i}`).toBeGreaterThan(0);
			expect(Number.isFinite(plan.start.latents + plan.start.noise), `try ${i}`).toBe(true);
			const { photos, masks } = read;
			expect([1, identities], `try ${i}`).toContain(photos.length);
			expect([0, 1, photos.length], `try ${i}`).toContain(masks.length);
			for (const { data, width, height } of [...photos, ...masks]) expect(data.length).toBe(3 * width * height);
			outcomes.ready++;
		} catch (error) {
			expect(error, `try ${i}`).toBeInstanceOf(Arc2FaceError);
			const { code, details } = error as Arc2FaceError;
			expect(['INVALID_ARGUMENT', 'INVALID_IMAGE'], `try ${i}`).toContain(code);
			if (code === 'INVALID_ARGUMENT') {
				expect(['image', 'mask', 'strength', 'overlay', 'latents', 'steps', 'width'], `try ${i}`).toContain(
					details.option,
				);
			}
			outcomes.refused++;
		}
	}
	// Both kinds of outcome are many, or the tries would not reach what matters.
	expect(outcomes.ready).toBeGreaterThan(100);
	expect(outcomes.refused).toBeGreaterThan(500);
});
