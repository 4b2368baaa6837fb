import { expect, test, vi } from 'vitest';

vi.mock('sharp', () => {
	throw new Error('not installed');
});

test('without sharp the commands are there, so that doctor can tell what is missing', async () => {
	await expect(import('../../lib/photo.ts')).rejects.toThrow(); // nothing else here would show that sharp is missing
	const { commands } = await import('../../lib/commands/index.ts');
	expect(commands.map(({ name }) => name)).toContain('doctor');
});
