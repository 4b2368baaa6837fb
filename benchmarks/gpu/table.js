/** The results of bench:gpu as a page for benchmarks/results/. */

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
	const missing = [...leftOut, ...(pytorch?.leftOut ?? [])];
	if (missing.length > 0) lines.push('', 'Left out:', '', ...missing.map(({ what, why }) => `- ${what}: ${why}`));
	return `${lines.join('\n')}\n`;
}

/** Median, least to most, number. @param {(number | null)[]} values @param {string} unit */
function statistics(values, unit) {
	const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
	if (sorted.length < values.length || sorted.length === 0) return ['no number', '', `${values.length}`];
	const median = sorted[sorted.length >> 1] ?? Number.NaN;
	const range = sorted.length === 1 ? '' : `${short(sorted[0] ?? Number.NaN)} to ${short(sorted.at(-1) ?? Number.NaN)}`;
	return [`${short(median)} ${unit}`, range, `${values.length}`];
}

/** Three digits that count. @param {number} value */
function short(value) {
	return Math.abs(value) >= 100 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
}
