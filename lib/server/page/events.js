// Server-sent events of an answer to a POST, which EventSource can't make: HTML Living Standard, section 9.2.6.

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{ event: string, data: string }>}
 */
export async function* eventsOf(body) {
	let rest = '';
	let event = 'message';
	let data = [];
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			rest += value;
			// A line feed after a carriage return may still be on its way.
			const end = rest.endsWith('\r') ? rest.length - 1 : rest.length;
			const lines = rest.slice(0, end).split(/\r\n|\n|\r/);
			rest = lines.pop() + rest.slice(end);
			for (const line of lines) {
				if (line === '') {
					if (data.length > 0) yield { event, data: data.join('\n') };
					event = 'message';
					data = [];
					continue;
				}
				const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
				if (field === 'event') event = text;
				if (field === 'data') data.push(text);
			}
		}
	} finally {
		// Who stops listening lets the connection go.
		await reader.cancel().catch(() => {});
	}
}
