// `worker`: paints the jobs that servers keep in Redis, until it is told to end.
import { once } from 'node:events';
import { openBundle } from '../bundle/bundle.ts';
import { defineCommand, UsageError } from '../cli/command.ts';
import { decoderOptions } from '../cli/decoder.ts';
import { featureOptions, servedFeatures } from '../cli/features.ts';
import { keyOptions, openGuards } from '../cli/guards.ts';
import { checkJobs, openedJobs, redisOptions } from '../cli/jobs.ts';
import { loraOptions } from '../cli/loras.ts';
import { checkPoolOptions, loadPool, poolOptions } from '../cli/model.ts';
import { endOf } from '../cli/serving.ts';

const usualGrace = 30;

export default defineCommand({
	arguments: [],
	options: {
		...redisOptions,
		grace: {
			type: 'number',
			value: 'SECONDS',
			help: `how long jobs may take to finish when it is told to end; then they are handed back (default: ${usualGrace})`,
		},
		consent: {
			type: 'path',
			value: 'LEDGER',
			help: 'paint only people with a valid record in this ledger, and log it there (see arc2face consent)',
		},
		denyList: { type: 'path', value: 'FILE', help: 'paint nobody who is on this list (see arc2face deny)' },
		...keyOptions,
		...featureOptions,
		...loraOptions,
		...decoderOptions,
		...poolOptions,
	},
	example: 'arc2face worker --redis redis://localhost --results /srv/images',
	json: { ended: 'true' },

	async run({ values }, context) {
		const { grace = usualGrace } = values;
		if (values.redis === undefined) throw new UsageError('Expected --redis but received none.');
		if (grace < 0) throw new UsageError(`Expected at least 0 for --grace but received ${grace}.`);
		checkJobs(values);
		const { folder } = await openBundle(values.bundle);
		const features = await servedFeatures(values, folder);
		checkPoolOptions({ ...values, features });
		await using opened = await openGuards(values);
		// Imported here, not earlier: without sharp, which it needs, `--help` still answers.
		const { explain, work } = await import('../server/work.ts');
		using ending = endOf(context.signal);
		const onError = (error: unknown) => context.report(error);
		const jobs = await openedJobs(values, { explain, onError });
		try {
			const model = await loadPool(
				{ ...values, features, guards: opened.guards },
				{ ...context, signal: ending.signal },
			);
			const worker = work(jobs!, model, onError);
			context.note('Ready: the model is loaded, and jobs are painted.');
			if (!ending.signal.aborted) await once(ending.signal, 'abort');
			context.note(`Ending: jobs may take ${grace} s to finish. The same signal again ends at once.`);
			await worker.close(grace * 1000);
			await model.dispose();
		} finally {
			await jobs?.queue.close();
		}
		return { ended: true };
	},

	text: () => 'Ended.',
});
