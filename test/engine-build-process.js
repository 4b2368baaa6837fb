// A process that prepares the engines of a bundle with NVIDIA's builder; started by engine-cache-builds.test.ts. Its argument is
// JSON; it reports on stdout in lines of JSON.
import { openBundle } from '../dist/lib/bundle/bundle.js';
import { ModelEngines, targetFor } from '../dist/lib/engines/prepare.js';
import { EngineRuntimes } from '../dist/lib/engines/runtimes.js';

const { bundle, cacheDir, shapes, user } = JSON.parse(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));

try {
	const opened = await openBundle(bundle, { operators: 'standard', precision: 'fp16' });
	const runtime = await new EngineRuntimes().first('TensorRT-RTX');
	const request = { runtime, target: targetFor(89), precision: 'fp16', shapes, cacheDir };
	// Only now, since another user may not be able to read the package or start the process that tries the library.
	if (user !== undefined) {
		process.setgid(user);
		process.setuid(user);
	}
	const engines = await ModelEngines.of(opened, request);
	say({ prepared: await engines.prepare({ onProgress: say }) });
} catch ({ code, message }) {
	say({ code, message });
}
