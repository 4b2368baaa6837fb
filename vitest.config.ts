import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		pool: 'forks',
		// Vitest's default is one less than the cores: a single worker on two.
		maxWorkers: Math.max(Math.min(2, availableParallelism()), availableParallelism() - 1),
		execArgv: ['--expose-gc'],
		// Shared machines can be slow; what hangs still ends.
		testTimeout: 240_000,
		hookTimeout: 240_000,
	},
});
