// Writes to a ledger until it is killed, and says what is written: e2e/consent-processes.test.ts runs it.
import { once } from 'node:events';
import { ConsentLedger } from '../dist/lib/index.js';

const { file, key, name, entries, last = Number.POSITIVE_INFINITY, pauses = false } = JSON.parse(process.argv[2]);
const ledger = await ConsentLedger.open(file, { key, create: true });
const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i + 1));
for (let i = 0; i < last; i++) {
	const { id } = await ledger.add({ subject: `${name}-${i}`, purpose: 'ads', identity });
	for (let entry = 1; entry < entries; entry++) {
		await ledger.logPainted([id], { purpose: 'ads', scope: undefined }, { options: { seed: entry } });
	}
	// Only now: whoever reads it may count on it.
	process.stdout.write(`${name}-${i}\n`);
	if (pauses && i === 0) await once(process.stdin, 'data');
}
process.stdin.destroy();
