// A process that asks the compiled cache for one engine, and stands in for its builder; started by engine-cache.test.ts.
// Its argument is JSON; on stdout it says what it does, one JSON text a line.
import { appendFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineCache } from '../dist/lib/engines/cache.js';

const { cacheDir, description, engine, builds, buildMs, user } = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));

// Only after the import: another user may not be able to read the package.
if (user !== undefined) {
	process.setgid(user);
	process.setuid(user);
}

async function build(file, signal) {
	await writeFile(file, engine.slice(0, engine.length / 2));
	await appendFile(builds, 'x');
	say({ building: file });
	await sleep(buildMs, undefined, { signal });
	await writeFile(file, engine);
}

try {
	const network = { ...description.network, graph: Buffer.from(description.network.graph, 'base64') };
	const onProgress = ({ phase }) => phase === 'waiting' && say({ waiting: true });
	const file = await new EngineCache({ cacheDir }).engine({ ...description, network }, build, { onProgress });
	say({ file });
} catch ({ code, message }) {
	say({ code, message });
}
