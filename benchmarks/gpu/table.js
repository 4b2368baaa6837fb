/** The results of bench:gpu as a page for benchmarks/results/. */

/** Of the host's thread, for a step. */
const mostMicroseconds = 50;
/** Two measurements of one thing differ by as much. */
const noise = 1.02;

/**
 * What is asked of a step on a GPU, and whether it is so.
 * @param {{ results: Result[] } | undefined} engines
 * @returns {{ what: string, met: boolean }[]}
 */
export function requirements(engines) {
	const results = engines?.results ?? [];
	const medianOf = (/** @type {string} */ name, /** @type {number | undefined} */ rows) => {
		const found = results.find((result) => result.name === name && result.rows === rows);
		return median(found?.values ?? []);
	};
	const asked = [];
	for (const { name, rows, values } of results) {
		if (name === 'UNet and step kernels, graph replayed') {
			const queued = medianOf('UNet and step kernels, queued', rows);
			asked.push({
				what: `replaying a graph is no slower than queueing, ${rows} rows`,
				met: median(values) <= noise * queued,
			});
		} else if (name === "a step in the pipeline: the host's thread") {
			asked.push({
				what: `a step takes the host under ${mostMicroseconds} µs, ${rows} rows`,
				met: median(values) < mostMicroseconds,
			});
		}
	}
	return asked;
}

/**
 * @typedef {{ name: string, rows?: number, unit: string, values: (number | null)[] }} Result
 * @typedef {{ name: string, rows: number, ms: number[], compileSeconds?: number }} PyTorchResult
 * @param {{ date: string, dryRun: boolean, machine: { gpu?: { name: string }, driver?: string, runtime?: string, cpu: string, node: string },
 *   portraits?: { info: { provider: string, version: string, precision: string }, results: Result[] }, engines?: { library: string, results: Result[] },
 *   pytorch?: { torch: string, cuda: string, module: string, device: string, results: PyTorchResult[], peakBytes?: number, leftOut: { what: string, why: string }[],
 *     difference?: { rows: number, ours: number, pytorch: number } },
 *   leftOut: { what: string, why: string }[] }} run
 * @returns {string} Markdown
 */
export function markdown({ date, dryRun, machine, portraits, engines, pytorch, leftOut }) {
	const { gpu, driver = 'none', runtime = 'none', cpu, node } = machine;
	const lines = [`# ${gpu?.name ?? 'No GPU'}, ${date}`, ''];
	if (dryRun)
		lines.push('A dry run: tiny networks, the stand-in, and a CUDA runtime on the host. The numbers mean nothing.', '');
	lines.push(`CUDA ${runtime}, a driver for CUDA ${driver}; ${cpu}; Node.js ${node}.`);
	if (portraits) {
		const { provider, version, precision } = portraits.info;
		lines.push(`Engines: ${provider} ${version}, ${precision}.`);
	}
	if (pytorch) lines.push(`PyTorch ${pytorch.torch} with CUDA ${pytorch.cuda}, UNet of ${pytorch.module}, fp16.`);
	lines.push('');

	/** @type {string[][]} */
	const rows = [];
	for (const { name, rows: batch, unit, values } of [...(portraits?.results ?? []), ...(engines?.results ?? [])]) {
		rows.push([name, batch ? `${batch}` : '', ...statistics(values, unit)]);
	}
	for (const { name, rows: batch, ms, compileSeconds } of pytorch?.results ?? []) {
		const compiled = compileSeconds === undefined ? '' : `, compiled in ${compileSeconds.toFixed(0)} s`;
		rows.push([`PyTorch's UNet, ${name}${compiled}`, `${batch}`, ...statistics(ms, 'ms')]);
	}
	if (pytorch?.peakBytes)
		rows.push(["PyTorch's peak of GPU memory", '', ...statistics([pytorch.peakBytes / 2 ** 20], 'MiB')]);
	lines.push('| | batch rows | median | least to most | runs |', '| --- | --- | --- | --- | --- |');
	for (const row of rows) lines.push(`| ${row.join(' | ')} |`);

	if (pytorch?.difference) {
		const { rows: batch, ours, pytorch: theirs } = pytorch.difference;
		const shown = [ours, theirs].map((error) => error.toExponential(1));
		lines.push(
			'',
			`Against PyTorch in fp32, of the largest value (${batch} rows): our engine ${shown[0]}, PyTorch in fp16 ${shown[1]}.`,
		);
	}
	const asked = dryRun ? [] : requirements(engines);
	if (asked.length > 0)
		lines.push('', 'Asked for:', '', ...asked.map(({ what, met }) => `- ${what}: ${met ? 'so it is' : '**not so**'}`));
	const missing = [...leftOut, ...(pytorch?.leftOut ?? [])];
	if (missing.length > 0) lines.push('', 'Left out:', '', ...missing.map(({ what, why }) => `- ${what}: ${why}`));
	return `${lines.join('\n')}\n`;
}

/** Median, least to most, number. @param {(number | null)[]} values @param {string} unit */
function statistics(values, unit) {
	const numbers = sorted(values);
	if (numbers.length === 0) return ['no number', '', `${values.length}`];
	const range =
		numbers.length === 1 ? '' : `${short(numbers[0] ?? Number.NaN)} to ${short(numbers.at(-1) ?? Number.NaN)}`;
	return [`${short(median(values))} ${unit}`, range, `${values.length}`];
}

/** NaN, which no comparison holds for, when there is none. @param {(number | null)[]} values */
function median(values) {
	const numbers = sorted(values);
	return numbers[numbers.length >> 1] ?? Number.NaN;
}

/** Empty when one of them is no number. @param {(number | null)[]} values */
function sorted(values) {
	const numbers = values.filter((value) => value !== null);
	return numbers.length < values.length ? [] : numbers.sort((a, b) => a - b);
}

/** Three digits that count. @param {number} value */
function short(value) {
	return Math.abs(value) >= 100 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
}
