// `worker`: paints the jobs that servers keep in Redis, until it is told to end.
import { once } from 'node:events';
import { defineCommand, UsageError } from '../cli/command.ts';
import { openGuards } from '../cli/guards.ts';
import { checkJobs, openedJobs, redisOptions } from '../cli/jobs.ts';
import { loadPool } from '../cli/model.ts';
import { checkServedModel, servedModelOptions } from '../cli/served-model.ts';
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
		...servedModelOptions,
	},
	example: 'arc2face worker --redis redis://localhost --results /srv/images',
	json: { ended: 'true' },

	async run({ values }, context) {
		const { grace = usualGrace } = values;
		if (values.redis === undefined) throw new UsageError('Expected --redis but received none.');
		if (grace < 0) throw new UsageError(`Expected at least 0 for --grace but received ${grace}.`);
		checkJobs('worker', values);
		const features = await checkServedModel(values);
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
