// Whoever reads a bundle's file says what is there instead.
import { symlinkSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readOnnxModel } from '../../lib/bundle/onnx-file.ts';
import { Arc2FaceError } from '../../lib/errors.ts';
import { ConfigFile } from '../../models/config-file.ts';
import { obstacleAt } from '../../models/file-content.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import {
	opcodes,
	safetensorsBytes,
	temporaryFolder,
	tensorOpcodes,
	torchBytes,
	zipBytes,
} from '../checkpoint-samples.ts';

const folder = temporaryFolder();
const readers: [string, (path: string) => Promise<unknown>, string][] = [
	['weights', openCheckpoint, 'INVALID_WEIGHTS'],
	['ONNX', readOnnxModel, 'INVALID_WEIGHTS'],
	['JSON', ConfigFile.read, 'INVALID_BUNDLE'],
];

/** A tar archive with one empty file. */
function tar(name: string): Buffer {
	const bytes = Buffer.alloc(1536);
	bytes.write(name);
	bytes.write('ustar', 257);
	return bytes;
}

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ec639a04\nsize 260694151\n';
const legacy = '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.';
const contents: [string, Uint8Array | string, RegExp, RegExp][] = [
	['an empty file', '', /an empty file/, /download/],
	['zeros', new Uint8Array(5000), /nothing but zeros/, /download/],
	['a pointer of git-lfs', pointer, /a pointer file of git-lfs/, /git lfs pull/],
	['a web page', '<!DOCTYPE html>\n<html><body>Sign in</body></html>', /an HTML page/, /Download the file itself/],
	['a web page after a byte order mark', '\ufeff\n <html lang="en">', /an HTML page/, /Download the file itself/],
	['the error of a file server', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /an XML/, /Download/],
	['the message of a hub', 'Access to this model is restricted.\nLog in', /the text "Access to this model is re/, /./],
	['a link that became text', '../../blobs/d2377c16b7135650', /the text "\.\.\/\.\.\/blobs\/d2377c16b7135650"/, /./],
	['a torch.save before 1.6', Buffer.from(legacy, 'latin1'), /PyTorch's format from before 1\.6/, /torch\.save\(/],
	['a torch.save before 0.1.10', tar('storages'), /PyTorch's format from before 1\.6/, /torch\.save\(/],
	['another pickle', Buffer.from('\x80\x04\x95\x02\0\0\0\0\0\0\0}.', 'latin1'), /a pickle of Python/, /./],
	['a file in gzip', gzipSync('a model'), /compressed with gzip/, /Unpack/],
	['a tar archive', tar('model.safetensors'), /a tar archive/, /Unpack/],
];

describe.each(readers)('in the place of %s', (name, read, code) => {
	// Weights may be such a file: this one is merely cut short.
	test.each(contents.filter(([what]) => !(name === 'weights' && what === 'a torch.save before 1.6')))(
		'%s',
		async (_, content, problem, remedy) => {
			const path = folder.write('content', Buffer.from(content as string));
			const error = await read(path).catch((reason: unknown) => reason);
			expect(error).toBeInstanceOf(Arc2FaceError);
			expect(error).toMatchObject({
				code,
				problem: expect.stringMatching(problem),
				remedy: expect.stringMatching(remedy),
				details: { file: path },
			});
			expect((error as Arc2FaceError).problem).toContain(path);
			expect((error as Arc2FaceError).problem.length).toBeLessThan(path.length + 200);
		},
	);

	test('a link to a file that is gone', async () => {
		const path = folder.path(`link-${code}-${read.name}`);
		symlinkSync('../blobs/gone', path);
		await expect(read(path)).rejects.toMatchObject({
			code,
			problem: expect.stringContaining('a link to a file that is gone, ../blobs/gone'),
			details: { file: path, systemCode: 'ENOENT' },
		});
	});

	test('a folder', async () => {
		const path = folder.path('.');
		await expect(read(path)).rejects.toMatchObject({ code, problem: expect.stringContaining('a folder') });
	});

	test('nothing', async () => {
		const path = folder.path('nothing');
		await expect(read(path)).rejects.toMatchObject({
			code,
			problem: expect.stringContaining(`${path} but received none`),
		});
	});
});

describe('a file of another kind', () => {
	const weights = safetensorsBytes({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4));
	const torch = torchBytes(opcodes.dict({ x: tensorOpcodes() }));
	test.each<[string, (path: string) => Promise<unknown>, Uint8Array, RegExp]>([
		['JSON as weights', openCheckpoint, Buffer.from('{"error": "Repository not found"}'), /JSON without a weight_map/],
		['a list as weights', openCheckpoint, Buffer.from('["a"]'), /received JSON/],
		[
			'a ZIP file that PyTorch did not write',
			openCheckpoint,
			zipBytes([{ name: 'a.txt', data: weights }]),
			/a ZIP file with 0/,
		],
		['a .safetensors file as ONNX', readOnnxModel, weights, /received a \.safetensors file/],
		['a PyTorch file as ONNX', readOnnxModel, torch, /received a ZIP file/],
		['a .safetensors file as JSON', ConfigFile.read, weights, /received a \.safetensors file/],
		['JSON that ends too early', ConfigFile.read, Buffer.from('{"a": 1,'), /JSON in .* at position 8/],
		['a PyTorch file without its end', openCheckpoint, torch.subarray(0, -30), /cut short/],
		['a .safetensors file without its end', openCheckpoint, weights.subarray(0, -1), /at least \d+ bytes.*cut short/],
		[
			'the first bytes of a .safetensors file',
			openCheckpoint,
			weights.subarray(0, 12),
			/at least \d+ bytes.*cut short/,
		],
	])('%s', async (_, read, content, problem) => {
		const path = folder.write('kind', content);
		await expect(read(path)).rejects.toMatchObject({ problem: expect.stringMatching(problem) });
	});

	test('is JSON all the same after a byte order mark', async () => {
		const path = folder.write('mark.json', Buffer.from('\ufeff{"a": 1}'));
		expect((await ConfigFile.read(path)).number('a')).toBe(1);
	});
});

test('a file that one may not read is no reason to download it again', async () => {
	const cause = Object.assign(new Error('denied'), { code: 'EACCES' });
	const { what, remedy } = await obstacleAt(folder.path('secret'), cause);
	expect(what).toContain('may not read');
	expect(remedy).toContain('permission');
});
