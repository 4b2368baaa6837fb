// `serve`: a model over HTTP, until it is told to end.
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { defineCommand, UsageError } from '../cli/command.ts';
import { openGuards } from '../cli/guards.ts';
import { checkJobs, jobOptions, mostWaiting, openedJobs } from '../cli/jobs.ts';
import { loadPool } from '../cli/model.ts';
import { checkServedModel, servedModelOptions } from '../cli/served-model.ts';
import { endOf, limitOptions, limitsOf, listening, tellingOf, tellKeys } from '../cli/serving.ts';
import type { JobWorker } from '../jobs/job.ts';
import type { OpenedJobs } from '../jobs/open.ts';
import { keysVariable } from '../server/clients/clients.ts';
import { isLoopback } from '../server/origins.ts';
import type { Painter } from '../server/painter.ts';

const usual = { host: '127.0.0.1', port: 8765, graceSeconds: 30 };

const options = {
	port: { type: 'number', value: 'N', help: `where it listens; 0 for any that is free (default: ${usual.port})` },
	host: {
		type: 'string',
		value: 'ADDRESS',
		help: `address that it listens on (default: ${usual.host}, which other machines do not reach)`,
	},
	keys: {
		type: 'path',
		value: 'FILE',
		help: `API keys, see arc2face keys add; read again when it changes (default: those that ${keysVariable} holds, if it is set)`,
	},
	noKeys: { type: 'boolean', help: 'let everybody in who reaches a --host other than this machine alone' },
	allowOrigin: {
		type: 'repeated',
		value: 'ORIGIN',
		help: 'web pages that may call it, such as https://example.com, or * with keys; may be repeated (default: its own)',
	},
	...limitOptions,
	...jobOptions,
	noModel: { type: 'boolean', help: 'paint nothing, only keep jobs for workers: with --redis' },
	grace: {
		type: 'number',
		value: 'SECONDS',
		help: `how long requests may take to finish when it is told to end (default: ${usual.graceSeconds})`,
	},
	...servedModelOptions,
} as const;

export default defineCommand({
	arguments: [],
	options,
	example: 'arc2face serve --port 8765',
	json: { address: 'where it listened', finished: 'whether all requests were, none of them stopped' },

	async run({ values }, context) {
		const { host = usual.host, port = usual.port, grace = usual.graceSeconds, json = false } = values;
		const apiKeys = process.env[keysVariable];
		const isLocal = isLoopback(host);
		if (!isLocal && values.keys === undefined && !apiKeys && !values.noKeys) {
			throw new UsageError(
				`Expected API keys for --host ${host}, which other machines reach, but received none.`,
				'Make one with arc2face keys add and pass --keys, or say --no-keys.',
			);
		}
		if (!Number.isInteger(port) || port < 0 || port > 65_535) {
			throw new UsageError(`Expected an integer from 0 to 65535 for --port but received ${port}.`);
		}
		if (grace < 0) throw new UsageError(`Expected at least 0 for --grace but received ${grace}.`);
		if (values.noModel && values.redis === undefined) {
			throw new UsageError(
				'Expected --redis with --no-model but received none.',
				'Without a model, workers paint: see arc2face worker.',
			);
		}
		const { request, gate } = limitsOf(values);
		checkJobs('serve', values);
		const features = values.noModel ? [] : await checkServedModel(values);
		await using opened = await openGuards(values);
		// Imported here, not earlier: without sharp, which they need, `--help` still answers.
		const { portraitApp } = await import('../server/app.ts');
		const { Reception } = await import('../server/reception.ts');
		const { explain, work } = await import('../server/work.ts');
		let app: FastifyInstance | undefined;
		const reception = await Reception.open({
			...{ keys: values.keys, apiKeys, allowOrigins: values.allowOrigin, isLocal, limits: gate },
			onKeys: (result) => app && tellKeys(app, result),
		});
		using ending = endOf(context.signal);
		const telling = tellingOf((text) => app?.log.info(text), { ...context, signal: ending.signal }, json);
		const onError = (error: unknown) => app?.log.error({ err: error }, 'jobs');
		const loading = values.noModel ? undefined : loadPool({ ...values, features, guards: opened.guards }, telling);
		loading?.catch(() => {}); // told below, and by what is asked of the server meanwhile
		let jobs: OpenedJobs | undefined;
		let worker: JobWorker | undefined;
		try {
			jobs = await openedJobs(values, { explain, onError });
			app = await portraitApp({
				...{ model: loading, limits: request, reception },
				...(jobs && { jobs: { ...jobs, most: values.jobsWaiting ?? mostWaiting } }),
				log: { stream: process.stderr, json },
			});
			const address = await listening(app, { host, port });
			await untilEnd(loading, ending.signal, (model) => {
				if (jobs) worker = work(jobs, model, onError);
				telling.note('Ready: the model is loaded.');
			});
			telling.note(`Ending: requests may take ${grace} s to finish. The same signal again ends at once.`);
			const [finished] = await Promise.all([reception.end(grace), worker?.close(grace * 1000)]);
			worker = undefined;
			return { address, finished };
		} finally {
			await app?.close();
			reception.close();
			await worker?.close(0);
			await jobs?.queue.close();
			await loading?.then((model) => model.dispose()).catch(() => {});
		}
	},

	text: ({ finished }) => (finished ? 'Ended.' : 'Ended; some requests were stopped.'),
});

/** @throws why the model can't be loaded: then there is nothing to wait for */
async function untilEnd(
	loaded: Promise<Painter> | undefined,
	ending: AbortSignal,
	onReady: (model: Painter) => void,
): Promise<void> {
	if (ending.aborted) return;
	const ended = once(ending, 'abort');
	const failed = loaded?.then(onReady).then(() => ended);
	await Promise.race(failed === undefined ? [ended] : [ended, failed]);
}
