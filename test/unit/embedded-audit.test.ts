// The audit that comes with the embedded bundle is of this bundle, and its model card says the same.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type AuditReport, foundGaps } from '../../lib/audit/report.ts';
import { written } from '../../lib/evaluation/figure-names.ts';
import { sha256 } from '../../lib/files/digests.ts';
import { packageRoot } from '../../lib/package.ts';

const bundle = join(packageRoot, 'models/tiny');
const read = (name: string) => readFile(join(bundle, name));
const audit: AuditReport = JSON.parse((await read('audit.json')).toString());

test.each<[string, string | undefined]>([
	['arc2face/diffusion_pytorch_model.safetensors', audit.model.weights.unet?.[0]],
	['encoder/model.safetensors', audit.model.weights.textEncoder?.[0]],
	['vae/diffusion_pytorch_model.safetensors', audit.model.weights.vaeDecoder?.[0]],
	['antelopev2/scrfd_10g_bnkps.onnx', audit.model.detector],
	['antelopev2/arcface.onnx', audit.model.recogniser],
	['evaluation/evaluator.onnx', audit.model.judge],
])('it was made with %s as it is: else `npm run audit`', async (file, digest) => {
	expect(digest).toBe(sha256(await read(file)));
});

test('it is of all held-out people, in thirds that come in their order, by the protocol', () => {
	expect(audit.photos).toMatchObject({ people: 50, listed: 150 });
	expect(audit.protocol).toMatchObject({ perIdentity: 5, steps: 25, guidanceScale: 3, portraits: 'painted' });
	expect(audit.groups.columns.map(({ name, groups }) => [name, ...groups.map(({ label }) => label)])).toEqual([
		['skin', 'light skin', 'middle skin', 'deep skin'],
		['age', 'young', 'middle-aged', 'old'],
		['shape of the face', 'long faces', 'middle faces', 'broad faces'],
		['hair', 'short hair', 'middle hair', 'long hair'],
	]);
	expect(audit.warnings[0]).toMatch(/^These are 50 people, and the smallest group is of 16: that says little\./);
});

test('its page has the same numbers', async () => {
	const page = (await read('audit.html')).toString();
	const values = Object.values(audit.measures).flatMap(({ columns, ...measure }) =>
		columns.flatMap(({ groups }) => groups.map(({ value }) => `<td>${written(value!, measure)}<`)),
	);
	expect(values).toHaveLength(5 * 12);
	for (const value of new Set(values))
		expect(page.split(value).length - 1).toBeGreaterThanOrEqual(values.filter((one) => one === value).length);
	expect(page).toContain(`<time datetime="${audit.made}">`);
});

test('the model card has its numbers, and what was found', async () => {
	const card = (await read('MODEL_CARD.md')).toString();
	const measures = (['likeness', 'diversity', 'failures', 'frechet'] as const).map((name) => audit.measures[name]);
	expect(card).toContain(`| | People | ${measures.map(({ title }) => title).join(' | ')} |`);
	const rows = audit.groups.columns.flatMap(({ groups }, column) =>
		groups.map(({ label, people }, at) => {
			const values = measures.map((one) => written(one.columns[column]!.groups[at]!.value!, one));
			return `| ${label} | ${people} | ${values.join(' | ')} |`;
		}),
	);
	expect(rows).toHaveLength(12);
	for (const row of rows) expect(card).toContain(row);
	expect(foundGaps(audit)).toEqual([]);
	expect(card).toContain('No group differs from the others by more than chance explains.');
});
