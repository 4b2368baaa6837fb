// Compares the table of functions that the core declares for itself (native/provider/onnxruntime/c_api.h) with an official header:
//   node test/native/check-onnxruntime-table.mjs [onnxruntime_c_api.h]
// Without a path it takes the header of the system's development package, if there is one.
import { existsSync, readFileSync } from 'node:fs';

const systemHeaders = [
	'/usr/include/onnxruntime/onnxruntime_c_api.h',
	'/usr/include/onnxruntime/core/session/onnxruntime_c_api.h',
	'/usr/local/include/onnxruntime/onnxruntime_c_api.h',
	'/opt/homebrew/include/onnxruntime/onnxruntime_c_api.h',
];

/** The names of the functions in `struct OrtApi`, in their order. */
function officialTable(header) {
	const text = header.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*/g, '');
	const body = /^struct OrtApi \{([\s\S]*?)^\};/m.exec(text)?.[1];
	if (body === undefined) throw new Error('Found no struct OrtApi in the header.');
	const member =
		/ORT_API2_STATUS\(\s*(\w+)|ORT_CLASS_RELEASE\(\s*(\w+)|ORT_API_T\(\s*[^,]+,\s*(\w+)|\(\s*ORT_API_CALL\s*\*\s*(\w+)\s*\)\s*\(/g;
	return [...body.matchAll(member)].map(([, status, released, typed, plain]) =>
		released === undefined ? (status ?? typed ?? plain) : `Release${released}`,
	);
}

/** `[index, name]` of every entry that the core declares. */
function ourEntries(source) {
	return [...source.matchAll(/Entry<(\d+),[^;]*?>\s*(\w+)\{\s*table\s*\}/g)].map(([, index, name]) => [
		Number(index),
		name,
	]);
}

const path = process.argv[2] ?? systemHeaders.find((candidate) => existsSync(candidate));
if (path === undefined) {
	console.log('No official ONNX Runtime header on this machine: the table was not compared.');
} else {
	const header = readFileSync(path, 'utf8');
	const version = Number(/#define ORT_API_VERSION (\d+)/.exec(header)?.[1]);
	const table = officialTable(header);
	const source = readFileSync(new URL('../../native/provider/onnxruntime/c_api.h', import.meta.url), 'utf8');
	const entries = ourEntries(source);
	if (entries.length < 30) throw new Error(`Expected at least 30 entries in c_api.h but found ${entries.length}.`);
	// An older header ends before the newest of our entries; all others must agree.
	const wrong = entries.filter(
		([index, name]) => table[index] !== name && (index < table.length || table.includes(name)),
	);
	for (const [index, name] of wrong) {
		console.error(`Expected ${name} at ${table.indexOf(name)} as in ${path}, but c_api.h has it at ${index}.`);
	}
	const compared = entries.filter(([index]) => index < table.length).length;
	console.log(
		`${compared - wrong.length} of ${entries.length} entries agree with the header of API version ${version}.`,
	);
	if (wrong.length > 0) process.exitCode = 1;
}
