// The page of an audit, and what the command line prints of one: of made-up people.
import { beforeAll, describe, expect, test } from 'vitest';
import { auditPageOf } from '../../lib/audit/page.ts';
import { type AuditReport, auditReportOf, foundGaps } from '../../lib/audit/report.ts';
import { auditText } from '../../lib/cli/audit.ts';
import type { Circumstances } from '../../lib/evaluation/report.ts';
import { auditedPeople, compared, divisions } from '../audited-people.ts';

const circumstances: Circumstances = {
	protocol: {
		...{ portraits: 'painted', perIdentity: 4, steps: 25, guidanceScale: 3, sampler: 'dpm++2m', decoder: 'vae' },
		...{ size: '96 × 96', seed: 0, alignment: 'both', comparedSide: 96 },
	},
	model: {
		...{ bundle: 'tiny', weights: {}, settings: '', loras: [], detector: 'd', recogniser: 'r' },
		...{ device: 'cpu', provider: 'onnxruntime', version: '1', precision: 'fp32' },
	},
	judges: [],
	photos: {
		...{ source: 'people', people: 59, listed: 180, withFace: 176, digest: 'p' },
		...{ severalFaces: ['berta/2.jpg'], empty: ['zoe'] },
		failed: [{ name: 'anna/1.jpg', error: { code: 'NO_FACE', problem: 'Found no face.', message: '', details: {} } }],
		lost: ['anna'],
	},
	portraits: { count: 236, people: 59, withFace: 235, faceless: ['anna/0.png'], failed: [], unknown: [] },
} as unknown as Circumstances;
const odd = 'deep & <b>dark';

async function reportOf(people: number, bias: number, threshold = true): Promise<AuditReport> {
	const columns = divisions(people, [3, 2]).map((one) => ({ ...one, labels: [odd, ...one.labels.slice(1)] }));
	const sample = auditedPeople(people, 7, (person) => ({ bias: person % 3 === 0 ? bias : 0 }));
	return auditReportOf(
		circumstances,
		{ source: 'groups.csv', digest: 'g'.repeat(64), divisions: columns },
		{
			threshold: threshold ? { value: 0.5, by: 'photos' } : undefined,
			...{ comparison: await compared(sample, columns), made: new Date('2026-12-01T10:00:00Z') },
		},
	);
}

let biased: AuditReport;
let even: AuditReport;
beforeAll(async () => {
	[biased, even] = [await reportOf(60, 0.6), await reportOf(60, 0)];
});

test('the report names nobody, and no file of anybody', () => {
	for (const name of ['anna', 'berta', 'zoe']) {
		expect(JSON.stringify(biased)).not.toContain(name);
		expect(auditPageOf(biased)).not.toContain(name);
	}
	expect(biased.photos).toMatchObject({ failed: 1, lost: 1, empty: 1, severalFaces: 1 });
	expect(auditPageOf(biased)).toContain('236 portraits of 59 people');
	expect(biased.photos).toMatchObject({ failed: 1, lost: 1, listed: 180 });
});

test('the group that is worse off is named, with how much, and none where there is none', () => {
	const gaps = foundGaps(biased);
	expect(gaps).toContainEqual(expect.objectContaining({ measure: 'likeness', label: odd, isWorse: true }));
	expect(gaps).toContainEqual(expect.objectContaining({ measure: 'frechet', label: odd, isWorse: true }));
	// The others of the column are better than a rest that has the worst in it.
	expect(gaps.filter(({ label }) => label !== odd).every(({ isWorse }) => !isWorse)).toBe(true);
	expect(foundGaps(even)).toEqual([]);
});

describe('the page', () => {
	test('says first what was found, in words as well as in colours, and escapes labels', () => {
		const page = auditPageOf(biased);
		expect(page).toContain(
			'<li><strong class="no">Worse</strong> for in 3: <b>deep &amp; &lt;b&gt;dark</b>. Likeness −0.',
		);
		expect(page).not.toContain('<b>dark');
		const likeness = page.slice(page.indexOf('<section id="likeness"'), page.indexOf('<section id="diversity"'));
		const [worst, other] = likeness.split('<tr><th scope="row">').slice(1, 3);
		expect(worst).toContain('<strong class="no"> worse</strong>');
		expect(worst).toContain('class="value bad"');
		expect(other).toContain('<strong class="yes"> better</strong>');
		expect(page).not.toMatch(/NaN|undefined|Infinity/);
		expect(auditPageOf(even)).toContain(
			'No group differs from the others by more than chance explains. 45 gaps were looked at.',
		);
	});

	test('has a row for every group in every measure, with plots in it', () => {
		const page = auditPageOf(biased);
		expect(page.match(/<th scope="row">[^<]*<span class="size">/g)).toHaveLength(5 * 5);
		expect(page.match(/<svg class="strip"/g)).toHaveLength(2 * 5 * 5);
		// No mark lies outside of its plot.
		const ends = [...page.matchAll(/d="M(-?[\d.]+) (?:8H(-?[\d.]+)|3V13)"/g)].flatMap(([, a, b = a]) => [
			Number(a),
			Number(b),
		]);
		expect(ends.length).toBeGreaterThan(100);
		expect(Math.min(...ends)).toBeGreaterThanOrEqual(0);
		expect(Math.max(...ends)).toBeLessThanOrEqual(100);
	});

	test('names of the two groups farthest apart the one that has more, and whether more is better', () => {
		const page = auditPageOf(biased);
		const differences = page.slice(page.indexOf('<table class="differences">'));
		expect(differences).toMatch(
			/Likeness: more is better<\/th><\/tr><tr><td>in 3<\/td><td>higher in [^<]+ than in deep &amp; &lt;b&gt;dark</,
		);
		expect(differences).toMatch(/Failed portraits: less is better<\/th>/);
	});

	test('says what few people are worth', async () => {
		expect(even.warnings[0]).toMatch(
			/^These are 60 people, and the smallest group is of 20: that says little\. A gap in likeness of less than 0\.\d\d could go unnoticed/,
		);
		const few = await reportOf(15, 0, false);
		expect(few.warnings.join()).toContain('Groups of fewer than 10 people, which say too little to be compared: in 3:');
		expect(few.warnings.join()).toContain('only portraits without a face count as failed');
		expect(auditPageOf(few)).toContain('no two groups have 10 people');
	});
});

test('the command line has a line for every group, and marks what was found', () => {
	const lines = auditText({ ...biased, groups: biased.groups.columns }).split('\n');
	expect(lines[0]).toMatch(
		/^column +group +people +Photos with a face +Likeness +Diversity: spread of yaw +Failed portraits/,
	);
	expect(lines[1]).toMatch(/^in 3 +deep & <b>dark +20 +[\d.]+ +0\.\d{3} \* /);
	expect(lines.slice(1, 6).every((line) => /^in [23] /.test(line))).toBe(true);
	expect(lines).toContainEqual(
		expect.stringMatching(
			/^\* in 3, deep & <b>dark: Likeness worse than of the others, by −0\.\d+ \(−0\.\d+ to −0\.\d+\)$/,
		),
	);
	const none = auditText({ ...even, groups: even.groups.columns }).split('\n');
	expect(none.at(-1)).toBe('No group differs from the others by more than chance explains, in 45 gaps.');
});

test('the command line says so where nothing was compared', async () => {
	const few = await reportOf(15, 0.6);
	const lines = auditText({ ...few, groups: few.groups.columns }).split('\n');
	expect(lines.at(-1)).toBe('Nothing was compared: no two groups have 10 people, and fewer are not compared.');
});
