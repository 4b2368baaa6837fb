// The page of a report: charts and tables of known numbers.
import { describe, expect, test } from 'vitest';
import { figuresText } from '../../lib/cli/figures.ts';
import { rocChart, similarityChart } from '../../lib/evaluation/charts.ts';
import type { Figure } from '../../lib/evaluation/evidence.ts';
import { figureNames, written, writtenInterval } from '../../lib/evaluation/figure-names.ts';
import type { FigureName } from '../../lib/evaluation/figures.ts';
import { html } from '../../lib/evaluation/html.ts';
import { figureTable } from '../../lib/evaluation/page-tables.ts';
import { comparability, paperRow } from '../../lib/evaluation/paper.ts';
import type { Report } from '../../lib/evaluation/report.ts';
import { distributionOf } from '../../lib/evaluation/similarity-figures.ts';

const nothing: Figure = {
	value: null,
	interval: null,
	sample: 'nothing',
	missing: 'Run `arc2face pull`.',
	warnings: [],
};
const figures = {
	...(Object.fromEntries(Object.keys(figureNames).map((name) => [name, nothing])) as Record<FigureName, Figure>),
	id: { value: 0.81249, interval: [0.8, 0.825], photos: 0.9, sample: '10 portraits', warnings: [] },
	fid: { ...nothing, missing: 'Inception is not there.', lacksNetwork: true },
	kid: { value: -0.000004, interval: [-0.0123, 0.01], sample: '10 portraits', warnings: ['Few images.', 'Very few.'] },
} satisfies Record<FigureName, Figure>;

test('text is escaped, HTML and numbers are not, and undefined is nothing', () => {
	const evil = `<script>alert("1 & '2'")</script>`;
	expect(html`<p title="${evil}">${html`<b>${evil}</b>`}${3}${undefined}</p>`.text).toBe(
		'<p title="&lt;script&gt;alert(&quot;1 &amp; &#39;2&#39;&quot;)&lt;/script&gt;">' +
			'<b>&lt;script&gt;alert(&quot;1 &amp; &#39;2&#39;&quot;)&lt;/script&gt;</b>3</p>',
	);
});

test('numbers have their digits, a true minus, and none before zero', () => {
	expect(written(-0.01234, figureNames.kid)).toBe('−0.01234');
	expect(written(-0.000004, figureNames.kid)).toBe('0.00000');
	expect(written(-0.00001, figureNames.kid)).toBe('−0.00001');
	expect(written(12.34, figureNames.yawSpread)).toBe('12.3°');
	expect(writtenInterval(figures.kid, figureNames.kid)).toBe('−0.01230 to 0.01000');
	expect(writtenInterval(nothing, figureNames.kid)).toBeUndefined();
});

test('the table has figures, those of photos, the paper’s, and beneath why there are none or what they are worth', () => {
	const { text } = figureTable({ figures, paper: { ...paperRow, conditions: [] } } as unknown as Report);
	expect(text).toContain('<td class="number">0.812<span class="interval">0.800 to 0.825</span></td>');
	expect(text).toContain('<td class="number">0.900</td>\n<td class="number">0.796</td>');
	expect(text).toContain('<strong>Mind:</strong> Few images. Very few.</td>');
	expect(text).toContain('<td colspan="4">Run <code>arc2face pull</code>.</td>');
	const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
	const described = [...text.matchAll(/aria-describedby="([^"]+)"/g)].map(([, id]) => id);
	expect(described.length).toBe(Object.keys(figureNames).length - 1);
	expect(ids).toEqual(described);
});

test('the command line has the same, and tells each reason once', () => {
	const lines = figuresText(figures).split('\n');
	expect(lines[0]).toMatch(/^figure +value +95 % +photos +Paper, AgeDB$/);
	expect(lines[1]).toMatch(/^ID: similarity to the input +0\.812 +0\.800 to 0\.825 +0\.900 +0\.796$/);
	expect(lines.filter((line) => line.includes('Run `arc2face pull`.'))).toHaveLength(1);
	expect(lines).toContain('KID: Few images.');
	expect(lines.join()).not.toContain('Inception is not there.'); // which was told on stderr
});

describe('charts', () => {
	test('of similarities say in words what they show', () => {
		const own = distributionOf(Float64Array.of(0.5, 0.7, 0.9))!;
		const others = distributionOf(Float64Array.of(-0.35, 0.1))!;
		const { text } = similarityChart(own, others);
		expect(text).toContain(
			'aria-label="Histogram of similarities. Portraits to their input: mean 0.700, from 0.500 to 0.900. ',
		);
		expect(text).toContain('To photos of other people: mean −0.125, from −0.350 to 0.100."');
		const labels = [...text.matchAll(/>([^<>]+)<\/text>/g)].map(([, label]) => label);
		expect(labels).toEqual([
			'0 %',
			'25 %',
			'50 %',
			'−0.4',
			'−0.2',
			'0.0',
			'0.2',
			'0.4',
			'0.6',
			'0.8',
			'1.0',
			'similarity',
		]);
		// Three bars of a third, two of a half; each with its mean.
		expect(text.match(/class="own" d="([^"]+)"/)![1]!.match(/M/g)).toHaveLength(3);
		expect(text.match(/class="others" d="([^"]+)"/)![1]!.match(/M/g)).toHaveLength(2);
		expect(text.match(/class="mean/g)).toHaveLength(2);
		expect(similarityChart(own, null).text).not.toContain('others');
	});

	test('of verification go down to what the pairs can tell', () => {
		const roc = { threshold: [0.9, 0.5, 0], falseAcceptRate: [0, 0.01, 1], trueAcceptRate: [0.5, 0.9, 1] };
		const pairs = { genuine: { counted: 100, all: 100 }, impostor: { counted: 29_400, all: 29_400 } };
		const { text } = rocChart({ roc, pairs });
		const labels = [...text.matchAll(/>([^<>]+)<\/text>/g)].map(([, label]) => label);
		expect(labels.slice(3, -1)).toEqual(['0.0001', '0.001', '0.01', '0.1', '1']);
		expect(text).toContain('accepted 0.900 at 0.1, 0.900 at 0.01, 0.500 at 0.001 of the pairs of two.');
		expect(text).not.toContain('NaN');
	});
});

describe('the paper', () => {
	const own = { photos: 'AgeDB', isPainted: true, steps: 25, guidanceScale: 3, judge: 'that of the official weights' };
	const official = { ...own, perIdentity: [5, 5], size: '512 × 512', isOfficial: { unet: true, recogniser: true } };
	const same = (conditions: ReturnType<typeof comparability>) => conditions.map((one) => one.same);

	test('is comparable where nothing that can be told differs', () => {
		expect(same(comparability(official))).toEqual([null, true, true, true, true, true, null]);
	});

	test('is not where something does', () => {
		const others = { ...official, steps: 10, perIdentity: [5, 4, 5], isOfficial: { unet: false, recogniser: false } };
		const conditions = comparability(others);
		expect(same(conditions)).toEqual([null, false, false, true, false, true, false]);
		expect(conditions.find(({ what }) => what === 'Portraits of a person')?.here).toBe('4, 5');
		expect(comparability({ ...others, isPainted: false, perIdentity: [1, 2, 3, 9] }).map(({ here }) => here)).toContain(
			'1 to 9',
		);
	});
});
