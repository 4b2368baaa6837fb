// Lettering for pictures as strokes of a pen, because a machine without fonts draws SVG's own text as empty boxes.

/** Width and path of each letter: capitals' height and baseline are y = 0 and 6, small letters begin at 2, and 8 is the lowest. */
const letters: Readonly<Record<string, readonly [width: number, path: string]>> = {
	' ': [1.4, ''],
	'0': [4, 'M2 0C.7 0 0 1.2 0 3S.7 6 2 6 4 4.8 4 3 3.3 0 2 0Z'],
	'1': [2.4, 'M.2 1.5 2 0V6'],
	'2': [4, 'M.1 1.7C.1.6.9 0 2 0S3.9.6 3.9 1.7C3.9 3.2 1.6 4 0 6H4'],
	'3': [
		4,
		'M.2 1C.5.4 1.1 0 2 0 3.1 0 3.8.6 3.8 1.5 3.8 2.4 3 2.8 1.6 2.8 3.2 2.8 4 3.4 4 4.4 4 5.4 3.2 6 2 6 1.1 6 .4 5.6 0 5',
	],
	'4': [4, 'M3.1 6V0L0 4.3H4'],
	'5': [4, 'M3.6 0H.6L.3 2.8C.8 2.4 1.4 2.2 2 2.2 3.2 2.2 4 3 4 4.1S3.2 6 2 6C1.1 6 .4 5.6 0 5'],
	'6': [4, 'M3.3.1C1.2.5 0 2.2 0 4.1 0 5.2.8 6 2 6S4 5.2 4 4.1 3.2 2.3 2 2.3 0 3.1 0 4.1'],
	'7': [4, 'M0 0H4L1.4 6'],
	'8': [
		4,
		'M2 2.8C1 2.8.3 2.3.3 1.4S1 0 2 0 3.7.5 3.7 1.4 3 2.8 2 2.8C.8 2.8 0 3.5 0 4.4S.8 6 2 6 4 5.3 4 4.4 3.2 2.8 2 2.8Z',
	],
	'9': [4, 'M.7 5.9C2.8 5.5 4 3.8 4 1.9 4 .8 3.2 0 2 0S0 .8 0 1.9.8 3.7 2 3.7 4 3 4 1.9'],
	'.': [0.4, 'M.2 5.9V6'],
	'−': [4, 'M.4 3.4H3.6'],
	'–': [4, 'M0 3.4H4'],
	a: [3.4, 'M3.4 2V6M3.4 4C3.4 2.8 2.7 2 1.7 2S0 2.8 0 4 .7 6 1.7 6 3.4 5.2 3.4 4'],
	b: [3.4, 'M0 0V6M0 4C0 2.8.7 2 1.7 2S3.4 2.8 3.4 4 2.7 6 1.7 6 0 5.2 0 4'],
	c: [3.2, 'M3.2 2.8C2.9 2.3 2.4 2 1.8 2 .7 2 0 2.8 0 4S.7 6 1.8 6C2.4 6 2.9 5.7 3.2 5.2'],
	d: [3.4, 'M3.4 0V6M3.4 4C3.4 2.8 2.7 2 1.7 2S0 2.8 0 4 .7 6 1.7 6 3.4 5.2 3.4 4'],
	e: [3.4, 'M0 4H3.4C3.4 2.8 2.7 2 1.7 2S0 2.8 0 4 .7 6 1.8 6C2.4 6 2.9 5.7 3.2 5.2'],
	f: [2.2, 'M2.2.1C1.3-.2.8.3.8 1.4V6M0 2H2'],
	g: [
		3.4,
		'M3.4 2V6.4C3.4 7.5 2.7 8 1.7 8 1.1 8 .6 7.8.3 7.4M3.4 4C3.4 2.8 2.7 2 1.7 2S0 2.8 0 4 .7 6 1.7 6 3.4 5.2 3.4 4',
	],
	h: [3.2, 'M0 0V6M0 3.7C.2 2.6.8 2 1.7 2 2.7 2 3.2 2.6 3.2 3.7V6'],
	i: [0.4, 'M.2 2V6M.2.4V.5'],
	j: [1, 'M.8 2V6.9C.8 7.7.4 8-.3 7.9M.8.4V.5'],
	k: [2.9, 'M0 0V6M2.8 2 0 4.5M1.1 3.6 2.9 6'],
	l: [0.4, 'M.2 0V6'],
	m: [5.2, 'M0 2V6M0 3.6C.1 2.5.6 2 1.4 2 2.2 2 2.6 2.5 2.6 3.6V6M2.6 3.6C2.7 2.5 3.2 2 4 2 4.8 2 5.2 2.5 5.2 3.6V6'],
	n: [3.2, 'M0 2V6M0 3.7C.2 2.6.8 2 1.7 2 2.7 2 3.2 2.6 3.2 3.7V6'],
	o: [3.4, 'M1.7 2C.7 2 0 2.8 0 4S.7 6 1.7 6 3.4 5.2 3.4 4 2.7 2 1.7 2Z'],
	p: [3.4, 'M0 2V8M0 4C0 2.8.7 2 1.7 2S3.4 2.8 3.4 4 2.7 6 1.7 6 0 5.2 0 4'],
	q: [3.4, 'M3.4 2V8M3.4 4C3.4 2.8 2.7 2 1.7 2S0 2.8 0 4 .7 6 1.7 6 3.4 5.2 3.4 4'],
	r: [1.9, 'M0 2V6M0 3.8C.2 2.6.9 2 1.9 2'],
	s: [2.9, 'M2.7 2.7C2.5 2.2 2 2 1.5 2 .7 2 .2 2.4.2 3S.7 3.8 1.5 4 2.9 4.3 2.9 5 2.4 6 1.5 6C.9 6 .3 5.7 0 5.2'],
	t: [2.1, 'M.8.6V4.9C.8 5.8 1.2 6.1 2.1 5.9M0 2H2'],
	u: [3.2, 'M0 2V4.3C0 5.4.5 6 1.5 6 2.4 6 3 5.4 3.2 4.3M3.2 2V6'],
	v: [3.2, 'M0 2 1.6 6 3.2 2'],
	w: [4.8, 'M0 2 1.2 6 2.4 2.4 3.6 6 4.8 2'],
	x: [3, 'M0 2 3 6M3 2 0 6'],
	y: [3.2, 'M0 2 1.6 6M3.2 2 1.6 6C1.1 7.4.7 8-.1 7.9'],
	z: [3, 'M0 2H3L0 6H3'],
};
const gap = 1.5;

export type Lettering = Readonly<{
	x: number;
	/** The baseline. */
	y: number;
	/** A digit's, in pixels. */
	height: number;
	/** Which point of the line is at x (default: the middle). */
	anchor?: 'start' | 'middle' | 'end';
	colour?: string;
}>;

/** A line of small letters and digits as an SVG element. */
export function lettering(text: string, { x, y, height, anchor = 'middle', colour = '#333' }: Lettering): string {
	const scale = height / 6;
	let width = 0;
	const strokes = [...text].map((character) => {
		const letter = letters[character];
		if (letter === undefined)
			throw new Error(`Expected a text of known letters but received "${character}" in "${text}".`);
		const stroke = `<path transform="translate(${width.toFixed(2)})" d="${letter[1]}"/>`;
		width += letter[0] + gap;
		return stroke;
	});
	const before = (width - gap) * { start: 0, middle: 0.5, end: 1 }[anchor];
	const place = `translate(${x - scale * before} ${y - height}) scale(${scale})`;
	const pen = `fill="none" stroke="${colour}" stroke-width="0.8" stroke-linecap="round" stroke-linejoin="round"`;
	return `<g transform="${place}" ${pen}>${strokes.join('')}</g>`;
}

/** A similarity for pictures and tables: two digits, or a dash for none. */
export function formatSimilarity(similarity: number | undefined): string {
	if (similarity === undefined) return '–';
	return similarity.toFixed(2).replace('-', '−').replace('−0.00', '0.00');
}
