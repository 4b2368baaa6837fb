import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['test/**/*.test.ts'],
		pool: 'forks',
		execArgv: ['--expose-gc'],
		// Shared machines can be slow; what hangs still ends.
		testTimeout: 240_000,
		hookTimeout: 240_000,
	},
});
