/** Formats the results of a run on a GPU as a page for benchmarks/results/. */

/** Of the host's thread, for a step. */
const mostMicroseconds = 50;
/** Two measurements of the same thing differ by this much. */
const noise = 1.02;

/**
 * @typedef {import('./report.js').Report} Report
 * @typedef {{ date: string, dryRun: boolean, machine: { gpu?: { name: string }, driver?: string, driverRelease?: string, runtime?: string, cpu: string, node: string },
 *   engines?: Report, portraits?: Report, steps?: Report, pytorch?: Report, comparison?: Report,
 *   passed?: { what: string, seconds: number }[], leftOut: { what: string, why?: string }[], failed: { what: string, why?: string }[] }} Run
 */

/** Whether engines are the stand-in's, which compute next to nothing. @param {Report} engines */
export function isStandIn({ provider }) {
	return provider === 'stand-in';
}

/**
 * The requirements on a step on a GPU, and whether they are met; none with the stand-in's engines.
 * @param {Pick<Run, 'engines' | 'steps'>} run
 * @returns {{ what: string, met: boolean }[]}
 */
export function requirements({ engines, steps }) {
	if (engines === undefined || isStandIn(engines)) return [];
	const results = steps?.results ?? [];
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
 * @param {Run} run - possibly unfinished
 * @returns {string} Markdown
 */
export function markdown(run) {
	const { date, dryRun, machine, engines, portraits, steps, pytorch, comparison } = run;
	const { gpu, driver = 'none', driverRelease, runtime = 'none', cpu, node } = machine;
	const lines = [`# ${gpu?.name ?? 'No GPU'}, ${date}`, ''];
	if (dryRun)
		lines.push('A dry run: tiny networks, the stand-in, and a CUDA runtime on the host. The numbers mean nothing.', '');
	const release = driverRelease ? ` (${driverRelease})` : '';
	lines.push(`CUDA ${runtime}, a driver for CUDA ${driver}${release}; ${cpu}; Node.js ${node}.`);
	if (engines?.provider) {
		const { provider, version, precision, batchSizes } = engines;
		lines.push(
			`Engines: ${provider} ${version}, ${precision}; the UNet's for batches of ${batchSizes.join(', ')} rows.`,
		);
		if (isStandIn(engines))
			lines.push("The stand-in's compute next to nothing: only what is around engines is measured, no network.");
	}
	if (pytorch?.torch)
		lines.push(`PyTorch ${pytorch.torch} with CUDA ${pytorch.cuda}, UNet of ${pytorch.module}, fp16.`);
	lines.push('');

	lines.push('| | batch rows | median | least to most | runs |', '| --- | --- | --- | --- | --- |');
	for (const report of [engines, steps, portraits, pytorch]) lines.push(...rowsOf(report));
	if (comparison?.difference) {
		const { rows, ours, pytorch: theirs } = comparison.difference;
		const shown = [ours, theirs].map((error) => (error ?? Number.NaN).toExponential(1));
		lines.push(
			'',
			`Against PyTorch in fp32, of the largest value (${rows} rows): our engine ${shown[0]}, PyTorch in fp16 ${shown[1]}.`,
		);
	}
	const asked = requirements(run).map(({ what, met }) => `${what}: ${met ? 'so it is' : '**not so**'}`);
	const reasons = (/** @type {Run['failed']} */ list) => list.map(({ what, why }) => `${what}: ${why}`);
	lines.push(...section('Asked for', asked));
	const passed = (run.passed ?? []).map(({ what, seconds }) => `${what} (${seconds} s)`);
	lines.push(...section('Failed', reasons(run.failed)));
	lines.push(...section('Passed', passed));
	lines.push(...section('Left out', reasons([...run.leftOut, ...(pytorch?.leftOut ?? [])])));
	return `${lines.join('\n')}\n`;
}

/** A report's results as rows of the table. @param {Report | undefined} report */
export function rowsOf(report) {
	return (report?.results ?? []).map(({ name, rows, unit, values }) => {
		return `| ${[name, rows ? `${rows}` : '', ...statistics(values, unit)].join(' | ')} |`;
	});
}

/** @param {string} heading @param {string[]} items */
function section(heading, items) {
	return items.length === 0 ? [] : ['', `${heading}:`, '', ...items.map((item) => `- ${item}`)];
}

/** Median, least to most, number. @param {(number | null)[]} values @param {string} unit */
function statistics(values, unit) {
	const numbers = sorted(values);
	if (numbers.length === 0) return ['no number', '', `${values.length}`];
	const range =
		numbers.length === 1 ? '' : `${short(numbers[0] ?? Number.NaN)} to ${short(numbers.at(-1) ?? Number.NaN)}`;
	return [`${short(median(values))} ${unit}`, range, `${values.length}`];
}

/** NaN, which fails every comparison, if there is none. @param {(number | null)[]} values */
function median(values) {
	const numbers = sorted(values);
	return numbers[numbers.length >> 1] ?? Number.NaN;
}

/** Empty if one of them is not a number. @param {(number | null)[]} values */
function sorted(values) {
	const numbers = values.filter((value) => value !== null);
	return numbers.length < values.length ? [] : numbers.sort((a, b) => a - b);
}

/** Three significant digits. @param {number} value */
function short(value) {
	return Math.abs(value) >= 100 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`;
}
