// Reading pickles.
import { describe, expect, test } from 'vitest';
import { type PickleGlobals, unpickle } from '../../models/weights/pickle.ts';
import { expectInvalidWeights, opcodes } from '../checkpoint-samples.ts';

const { global, text, int, long, tuple, dict, pickle } = opcodes;

const globals: PickleGlobals = new Map<string, ((args: readonly unknown[]) => unknown) | object>([
	['collections.OrderedDict', () => new Map()],
	['made.pair', (args) => ({ pair: args })],
	['made.constant', { constant: true }],
]);
const read = (bytes: Uint8Array) => unpickle(bytes, { globals, persistentLoad: (id) => ({ id }), file: 'x.bin' }).value;

describe('unpickle', () => {
	const values: [string, string, unknown][] = [
		['None', 'N', null],
		['booleans', '\x88\x89\x86', [true, false]],
		['BININT1', 'K\xff', 255],
		['BININT2', 'M\x01\x02', 513],
		['BININT', int(-5), -5],
		['LONG1 of no bytes', long([]), 0],
		['LONG1 of 40 bits', long([0, 0, 0, 0, 1]), 2 ** 32],
		['LONG1, negative', long([0xff]), -1],
		['LONG1 with leading zeros', long([7, ...Array<number>(200).fill(0)]), 7],
		['BINFLOAT', 'G\x3f\xf8\x00\x00\x00\x00\x00\x00', 1.5],
		['text', text('größe 📷'), 'größe 📷'],
		['text of Python 2', 'U\x02ab', 'ab'],
		['tuples', `${int(1)}\x85${int(2)}${int(3)}\x86${int(4)}${int(5)}${int(6)}\x87\x87`, [[1], [2, 3], [4, 5, 6]]],
		['a marked tuple', tuple([int(1), tuple([])]), [1, []]],
		['a list', `](${int(1)}${int(2)}e${int(3)}a`, [1, 2, 3]],
		['a dict', dict({ a: int(1) }), new Map([['a', 1]])],
		['SETITEM', `}${text('a')}${int(1)}s`, new Map([['a', 1]])],
		['a memo', `${text('a')}q\x00h\x00\x86`, ['a', 'a']],
		['a long memo', `${text('a')}r\x00\x01\x00\x00j\x00\x01\x00\x00\x86`, ['a', 'a']],
		['REDUCE of a known global', `${global('made.pair')}${tuple([int(1), int(2)])}R`, { pair: [1, 2] }],
		['a global that is no function', global('made.constant'), { constant: true }],
		['a persistent id', `${tuple([text('storage')])}Q`, { id: ['storage'] }],
		[
			'BUILD of a dict, without its attributes',
			`${global('collections.OrderedDict')})R${dict({ x: int(1) })}b`,
			new Map(),
		],
	];
	test.each(values)('reads %s', (_, body, expected) => {
		expect(read(pickle(body))).toEqual(expected);
	});

	test('shares what the memo shares', () => {
		const [a, b] = read(pickle(`}q\x00h\x00\x86`)) as [unknown, unknown];
		expect(a).toBe(b);
	});

	const refused: [string, Uint8Array, ...string[]][] = [
		['os.system', pickle(`${global('os.system')}${tuple([text('echo')])}R`), 'os.system'],
		['posix.system', pickle(`${global('posix.system')}${tuple([text('echo')])}R`), 'posix.system'],
		['builtins.eval, even uncalled', pickle(global('builtins.eval')), 'builtins.eval'],
		['a global that every Map has', pickle(global('constructor.constructor')), 'constructor.constructor'],
		['protocol 4', Buffer.from('\x80\x04N.', 'latin1'), 'protocol 4'],
		['STACK_GLOBAL', pickle(`${text('os')}${text('system')}\x93`), '0x93'],
		['INST', pickle('(ios\nsystem\n'), '0x69'],
		['OBJ', pickle('(o'), '0x6f'],
		['NEWOBJ', pickle(`${global('made.pair')})\x81`), '0x81'],
		['an extension', pickle('\x82\x01'), '0x82'],
		['a call of what is no function', pickle(`${global('made.constant')})R`), 'a function'],
		['a call of text', pickle(`${text('toString')})R`), 'a function'],
		['a call without a tuple', pickle(`${global('made.pair')}NR`), 'a function'],
		['BUILD of what is no dict', pickle(`${global('made.constant')}}b`), 'a dict'],
		['no end', Buffer.from('\x80\x02N', 'latin1'), 'too early'],
		['nothing', new Uint8Array(0), 'too early'],
		['an end without a value', pickle(''), 'on the stack'],
		['text beyond the end', Buffer.from('\x80\x02X\xff\xff\xff\x7fabc', 'latin1'), 'too early'],
		['text that is no UTF-8', pickle('X\x01\x00\x00\x00\xff'), 'UTF-8'],
		['text of Python 2 beyond the end', pickle('U\xffabc'), 'too early'],
		['LONG1 beyond 2^53', pickle(long([0, 0, 0, 0, 0, 0, 0, 1])), '2^53'],
		['an unknown number of the memo', pickle('h\x05'), 'unknown number 5'],
		['a memo of nothing', pickle('q\x00'), 'an empty stack'],
		['an end of a tuple that did not begin', pickle('t'), 'a mark'],
		['values from before a mark', pickle('N(\x85'), 'on the stack'],
		['an odd number of items', pickle(`}(${text('a')}u`), 'as many values as keys'],
		['a key used twice', pickle(`}(${text('a')}N${text('a')}Nu`), 'a twice'],
		['items for what is no dict', pickle(`N(${text('a')}Nu`), 'a dict'],
		['items for what is no list', pickle('N(Ne'), 'a list'],
		['a name without an end', Buffer.from(`\x80\x02cos${'x'.repeat(1000)}`, 'latin1'), 'a name'],
	];
	test.each(refused)('refuses %s', async (_, bytes, ...words) => {
		await expectInvalidWeights(
			Promise.resolve().then(() => read(bytes)),
			'x.bin',
			...words,
		);
	});

	test('takes values in values a million deep, and a million arguments, without a stack overflow', () => {
		expect(read(pickle(`N${'\x85'.repeat(1e6)}`))).toHaveLength(1);
		expect(read(pickle(`${global('made.pair')}(${'N'.repeat(1e6)}tR`))).toHaveProperty('pair.length', 1e6);
		expect(read(pickle(`](${'N'.repeat(1e6)}e`))).toHaveLength(1e6);
	});
});
