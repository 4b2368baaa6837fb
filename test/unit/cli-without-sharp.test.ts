// The command line where sharp is missing.
import { expect, test, vi } from 'vitest';
import { runLine } from '../command-line.ts';

vi.mock('sharp', () => {
	throw new Error('not installed');
});

test('without sharp every command tells its options, and doctor runs', async () => {
	await expect(import('../../lib/photo.ts')).rejects.toThrow(); // nothing else here would show that sharp is missing
	for (const command of [
		'generate',
		'encode',
		'detect',
		'compare',
		'verify',
		'evaluate',
		'pull',
		'dataset',
		'dataset merge',
		'engines build',
		'doctor',
	]) {
		expect((await runLine([...command.split(' '), '--help'])).help).toContain(`Example:\n  arc2face ${command}`);
	}
	expect((await runLine(['generate', 'anna.jpg', '--cuont', '4'])).wrong).toContain('Did you mean --count?');
	const { outcome } = await runLine(['doctor']);
	expect(outcome?.text).toContain('NVIDIA driver');
});
